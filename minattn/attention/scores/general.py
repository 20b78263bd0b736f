"""Bilinear scores."""

import numpy as np

from ...autodiff import ops
from ...nn import Parameter, init
from .base import Score


class General(Score):
    """score(q, k) = q^T W_a k: a learned map from keys to queries. W_a = 1 gives Dot.

    d_query, d_key   lengths of queries and keys
    n_heads          each head has its own W_a (H, d_query, d_key)
    Starts near the identity where the lengths agree (a random map can settle on a neighbour of the right word).
    Source: arXiv 1508.04025, section 3.1 (general).
    """

    def __init__(self, d_query, d_key, *, rng, n_heads=1):
        self.d_query, self.d_key = d_query, d_key
        start = np.eye(d_query, d_key) + init.normal(rng, (n_heads, d_query, d_key), 0.01)
        self.w_a = Parameter(start)

    def forward(self, t):
        self.check(t, self.d_query, self.d_key)
        return (t.q @ self.w_a) @ ops.swapaxes(t.k, -1, -2)
