"""Dot-product scores."""

import math

from ...autodiff import ops
from .base import Score


class Dot(Score):
    """score(q, k) = q . k. Source: arXiv 1508.04025, section 3.1 (dot)."""

    def scale(self, d):
        return 1.0

    def forward(self, t):
        self.check(t)
        return t.q @ ops.swapaxes(t.k, -1, -2)


class ScaledDot(Score):
    """score(q, k) = q . k / sqrt(d): the variance of a score stays 1 whatever d is.

    Source: arXiv 1706.03762, equation 1.
    """

    def scale(self, d):
        return 1 / math.sqrt(d)

    def forward(self, t):
        self.check(t)
        return (t.q * self.scale(t.q.shape[-1])) @ ops.swapaxes(t.k, -1, -2)
