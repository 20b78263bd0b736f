"""Concatenation scores."""

from ...autodiff import ops
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .base import Score


class Concat(Score):
    """score(q, k) = v_a^T tanh(W_a [q; k]): Additive with one matrix for query and key side by side.

    d_query, d_key   lengths of queries and keys
    d_hidden         w_a is (d_hidden, d_query + d_key), v_a (d_hidden, 1); they serve all heads
    Source: arXiv 1508.04025, section 3.1 (concat).
    Ours: W_a [q; k] is computed as two products, so that no pair is ever copied side by side.
    """

    def __init__(self, d_query, d_key, d_hidden, *, rng):
        check_sizes("Concat", d_query=d_query, d_key=d_key, d_hidden=d_hidden)
        self.d_query, self.d_key = d_query, d_key
        self.w_a = Parameter(init.glorot(rng, (d_hidden, d_query + d_key)))
        self.v_a = Parameter(init.fan_in(rng, (1, d_hidden)).T)

    def forward(self, t):
        self.check(t)
        left, right = self.w_a[:, : self.d_query], self.w_a[:, self.d_query :]
        queries = ops.expand_dims(ops.linear(t.q, left), 3)  # (B,H,T,1,n)
        keys = ops.expand_dims(ops.linear(t.k, right), 2)  # (B,H,1,S,n)
        return ops.squeeze(ops.tanh(queries + keys) @ self.v_a, -1)
