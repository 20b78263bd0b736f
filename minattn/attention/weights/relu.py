"""Rectified weights."""

from ...autodiff import ops
from .base import Weights


class ReLU(Weights):
    """max(score, 0): a key with a negative score gets exactly 0, and a row may attend to nothing at all.

    Rows do not sum to 1: a query that finds nothing should gather nothing.
    Source: arXiv 2104.07012, equation 5, without the normalisation (see ReLA).
    """

    sums_to_one = False

    def forward(self, t):
        weights = ops.relu(t.scores)
        return weights if t.mask is None else ops.where(t.mask, weights, 0.0)
