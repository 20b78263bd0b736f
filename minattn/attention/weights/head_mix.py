"""Heads that share where they look, after the softmax."""

from ...autodiff import ops
from ..scores.head_mix import head_mixture, mix_heads
from .base import Weights
from .softmax import Softmax


class HeadMix(Weights):
    """weights of head a = sum_b w_ab (weights of head b), over the heads b of a's group.

    n_heads   H
    group     heads that are mixed with each other, must divide H; w (H/group, group, group) starts as the
              identity
    weights   whose rows are mixed, default Softmax()
    w is free: rows need not sum to 1, and a weight may be negative. Masked keys keep exactly 0, so that
    mixing behind the mask does no harm. scores.HeadMix does it before the softmax.
    Source: arXiv 2504.00927, section 3.2 (after the softmax).
    """

    sums_to_one = False

    def __init__(self, n_heads, group, weights=None):
        self.weights = Softmax() if weights is None else weights
        self.by_place = self.weights.by_place
        self.n_heads, self.mix = n_heads, head_mixture(n_heads, group)

    def forward(self, t):
        mixed = mix_heads(self.weights(t), self.mix)
        # A mask of each head's own would else leak what another head may see.
        return mixed if t.mask is None else ops.where(t.mask, mixed, 0.0)

    def finish(self, heads):
        return self.weights.finish(heads)
