"""Heads of low rank that gather whole values."""

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...nn import Linear, Module, Parameter
from ...nn.checks import check_sizes
from .free_heads import check_width
from .multi_head import join_heads, split_heads


class WholeValues(Module):
    """Heads whose queries and keys have length d, any length, while each gathers the context itself.

        out = sum_h V_h sum_s w_hs c_s        w_h = weights of c_s^T K_h Q_h^T x        V_h = a_h 1 + M_h

    d_model   last axis of x, of the context and of the output; M_h is (d_model, d_model)
    n_heads   H
    d_head    d, the rank of K_h Q_h^T: what a head may look at; its values are not limited
    No biases; a_h (`share`) starts at 1/H, M_h (`w_v`) at 0. The theory's scores are not scaled: score=Dot().
    Source: arXiv 2407.16153, equation 1. Ours: V_h in two parts.
    """

    def __init__(self, d_model, n_heads, d_head, *, rng):
        check_sizes("WholeValues", d_model=d_model, n_heads=n_heads, d_head=d_head)
        self.d_model, self.n_heads, self.n_kv_heads, self.d_head = d_model, n_heads, n_heads, d_head
        self.w_q, self.w_k = (Linear(d_model, n_heads * d_head, rng=rng, bias=False) for _ in range(2))
        self.share = Parameter(np.full((n_heads, 1, 1), 1 / n_heads))
        self.w_v = Parameter(np.zeros((n_heads, d_model, d_model)))

    def forward(self, x, context):
        """x (B,T,d_model), context (B,S,d_model) -> q (B,H,T,d), k (B,H,S,d), v (B,H,S,d_model)."""
        check_width(self, x=x, context=context)
        q, k = split_heads(self.w_q(x), self.n_heads), split_heads(self.w_k(context), self.n_heads)
        return q, k, ops.repeat_heads(ops.expand_dims(context, 1), self.n_heads)

    def merge(self, heads):
        """heads (B,H,T,d_model) -> (B,T,d_model)."""
        values = self.w_v + self.share * xp.eye(self.d_model, dtype=self.share.dtype)
        return join_heads(heads) @ ops.reshape(values, (-1, self.d_model))

    def form(self, h):
        """K_h Q_h^T (d_model, d_model), an array: head h scores context c for x by c^T K_h Q_h^T x."""
        rows = slice(h * self.d_head, (h + 1) * self.d_head)
        return self.w_k.weight.data[rows].T @ self.w_q.weight.data[rows]
