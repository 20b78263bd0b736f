"""Sparsemax weights."""

from ...autodiff import ops
from .base import Weights


class Sparsemax(Weights):
    """The distribution nearest to the scores: argmin_w ||w - score||^2. Most keys get exactly 0.

    Source: arXiv 1602.02068, equation 2.
    """

    def forward(self, t):
        return ops.sparsemax(t.scores, t.mask)
