"""Heads that share what they found, before the softmax."""

import numpy as np

from ...autodiff import ops
from ...errors import ArgumentError
from ...nn import Parameter
from ...nn.checks import check_sizes
from .base import Score
from .dot import ScaledDot


class HeadMix(Score):
    """scores of head a = sum_b w_ab (scores of head b), over the heads b of a's group.

    n_heads   H
    group     heads that are mixed with each other, must divide H; w is (H/group, group, group) and starts as
              the identity. With group = H this is what Talking-Heads Attention does before its softmax
    score     whose values are mixed, default ScaledDot()
    Source: arXiv 2504.00927, section 3.2 (before the softmax); arXiv 2003.02436.
    """

    def __init__(self, n_heads, group, score=None):
        self.score = ScaledDot() if score is None else score
        self.n_heads, self.mix = n_heads, head_mixture(n_heads, group)
        self.d_query, self.d_key = self.score.d_query, self.score.d_key
        self.by_place = self.score.by_place

    def fits(self, attention):
        if hasattr(self.score, "fits"):
            self.score.fits(attention)

    def forward(self, t):
        return mix_heads(self.score(t), self.mix)


def head_mixture(n_heads, group):
    """The identity (n_heads / group, group, group) as a Parameter."""
    check_sizes("HeadMix", n_heads=n_heads, group=group)
    if n_heads % group:
        raise ArgumentError(
            f"HeadMix(n_heads={n_heads}, group={group})",
            expected="a group that divides n_heads",
            got=f"{n_heads} / {group}",
            hint=f"group={n_heads}, all heads",
        )
    return Parameter(np.broadcast_to(np.eye(group), (n_heads // group, group, group)).copy())


def mix_heads(maps, mix):
    """maps (B,H,T,S) with the heads of each group mixed by mix (H/group, group, group)."""
    b, h, t, s = maps.shape
    grouped = ops.reshape(maps, (b, *mix.shape[:2], t * s))
    return ops.reshape(mix @ grouped, (b, h, t, s))
