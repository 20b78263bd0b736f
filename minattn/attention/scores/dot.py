"""Dot-product scores."""

import math

from ...autodiff import ops
from .base import Score


class Dot(Score):
    """score(q, k) = q . k. Source: arXiv 1508.04025, section 3.1 (dot).

    Raises ShapeError where queries and keys have different lengths.
    """

    fuses = True

    def scale(self, t):
        """The factor before q k^T."""
        self.check(t)
        return 1.0

    def forward(self, t):
        return (t.q * self.scale(t)) @ ops.swapaxes(t.k, -1, -2)


class ScaledDot(Dot):
    """score(q, k) = q . k / sqrt(d): the variance of a score stays 1 whatever d is.

    Source: arXiv 1706.03762, equation 1.
    """

    def scale(self, t):
        """The factor before q k^T."""
        self.check(t)
        return 1 / math.sqrt(t.q.shape[-1])
