"""Additive scores."""

from ...autodiff import ops
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .base import Score


class Additive(Score):
    """score(q, k) = v^T tanh(W q + U k): a small network looks at query and key together.

    d_query, d_key   lengths of queries and keys
    d_hidden         width of the network
    n_heads          networks, one a head; 1 serves all heads
    w is (n_heads, d_query, d_hidden), u (n_heads, d_key, d_hidden), v (n_heads, d_hidden, 1).
    Source: arXiv 1409.0473, appendix A.1.2 (its U_a h_j computed once for all keys, as here).
    """

    def __init__(self, d_query, d_key, d_hidden, *, rng, n_heads=1):
        check_sizes("Additive", d_query=d_query, d_key=d_key, d_hidden=d_hidden, n_heads=n_heads)
        self.d_query, self.d_key = d_query, d_key
        self.w = Parameter(init.glorot(rng, (n_heads, d_query, d_hidden)))
        self.u = Parameter(init.glorot(rng, (n_heads, d_key, d_hidden)))
        self.v = Parameter(init.fan_in(rng, (n_heads, 1, d_hidden)).swapaxes(1, 2))

    def forward(self, t):
        self.check(t)
        queries = ops.expand_dims(t.q @ self.w, 3)  # (B,H,T,1,n)
        keys = ops.expand_dims(t.k @ self.u, 2)  # (B,H,1,S,n)
        v = ops.expand_dims(self.v, 1)  # (H,1,n,1)
        return ops.squeeze(ops.tanh(queries + keys) @ v, -1)
