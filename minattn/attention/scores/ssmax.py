"""Scores that grow with the number of keys, so that long contexts do not wash the weights out."""

import numpy as np

from ...backends import xp
from ...nn import Parameter
from ...nn.checks import check_sizes
from .base import Score
from .dot import ScaledDot


class SSMax(Score):
    """Another score times g log n, where n counts the real keys up to the query: scalable softmax.

        weights_ij = n_i^(g score_ij) / sum_j n_i^(g score_ij)

    n_heads   H; the gain g is (H, 1, 1), one number a head, and starts at 1
    score     the score that it wraps, default ScaledDot()
    A key whose score leads by a fixed amount keeps its weight however many keys there are, where softmax lets
    it fall as 1/n. Keys after the query do not count, so it belongs with Causal.
    Source: arXiv 2501.19399, equation 3; as used in arXiv 2505.22842.
    """

    reads_all = by_place = True  # it counts keys by their places, also those that a window does not see

    def __init__(self, n_heads, score=None):
        check_sizes("SSMax", n_heads=n_heads)
        self.n_heads, self.score = n_heads, score or ScaledDot()
        self.gain = Parameter(np.ones((n_heads, 1, 1)))

    def forward(self, t):
        seen = t.k_pos[None, :] <= t.q_pos[:, None]  # (T,S)
        if t.valid is not None:
            seen = seen & t.valid[:, None, None, :]  # (B,1,T,S)
        n = xp.maximum(xp.sum(seen, axis=-1, keepdims=True), 1)
        return self.score(t) * (self.gain * xp.log(n).astype(t.q.dtype))
