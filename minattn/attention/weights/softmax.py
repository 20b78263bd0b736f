"""Softmax weights."""

from ...autodiff import ops
from .base import Weights


class Softmax(Weights):
    """exp(score) over its row's sum: every allowed key gets something.

    Source: arXiv 1706.03762, equation 1.
    """

    fuses = True

    def forward(self, t):
        return ops.softmax(t.scores, t.mask)
