"""Bilinear scores."""

import numpy as np

from ...autodiff import ops
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .base import Score


class General(Score):
    """score(q, k) = q^T W_a k: a learned map between queries and keys. W_a = 1 gives Dot.

    d_query, d_key   lengths of queries and keys
    n_heads          w_a is (n_heads, d_query, d_key), one map a head; 1 serves all heads
    Source: arXiv 1508.04025, section 3.1 (general).
    Ours: starts near the identity (a random map can settle on a neighbour of the right word).
    """

    def __init__(self, d_query, d_key, *, rng, n_heads=1):
        check_sizes("General", d_query=d_query, d_key=d_key, n_heads=n_heads)
        self.d_query, self.d_key = d_query, d_key
        start = np.eye(d_query, d_key) + init.normal(rng, (n_heads, d_query, d_key), 0.01)
        self.w_a = Parameter(start)

    def forward(self, t):
        self.check(t)
        return (t.q @ self.w_a) @ ops.swapaxes(t.k, -1, -2)
