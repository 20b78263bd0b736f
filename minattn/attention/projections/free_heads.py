"""Heads of any length."""

from ...errors import ShapeError
from ...nn import Linear, Module
from ...nn.checks import check_sizes
from .multi_head import join_heads, split_heads


class FreeHeads(Module):
    """H heads of length d, where H * d need not be d_model: more heads no longer mean shorter ones.

        head_i = attention(x W_q_i, c W_k_i, c W_v_i)        out = [head_1; ..; head_H] W_o

    d_model   last axis of x, of the context and of the output
    n_heads   H
    d_head    d, the length of queries, keys and values: the rank of a head's W_q W_k^T
    bias      whether the four maps have biases
    d = d_model / H gives MultiHead. Source: arXiv 2407.16153, section 2 (heads of rank r).
    """

    def __init__(self, d_model, n_heads, d_head, *, rng, bias=True):
        check_sizes(type(self).__name__, d_model=d_model, n_heads=n_heads, d_head=d_head)
        self.d_model, self.n_heads, self.n_kv_heads, self.d_head = d_model, n_heads, n_heads, d_head
        self.w_q, self.w_k, self.w_v = (
            Linear(d_model, n_heads * d_head, rng=rng, bias=bias) for _ in range(3)
        )
        self.w_o = Linear(n_heads * d_head, d_model, rng=rng, bias=bias)

    def forward(self, x, context):
        """x (B,T,d_model), context (B,S,d_model) -> q (B,H,T,d), k and v (B,H,S,d)."""
        check_width(self, x=x, context=context)
        q = split_heads(self.w_q(x), self.n_heads)
        k, v = (split_heads(w(context), self.n_heads) for w in (self.w_k, self.w_v))
        return q, k, v

    def merge(self, heads):
        """heads (B,H,T,d) -> (B,T,d_model)."""
        return self.w_o(join_heads(heads))


def check_width(projection, **given):
    """Raise ShapeError where the last axis of x or of the context is not d_model."""
    for name, value in given.items():
        if value.shape[-1] != projection.d_model:
            raise ShapeError(
                f"{type(projection).__name__}(d_model={projection.d_model})",
                expected=f"{name} (B, T, {projection.d_model})",
                got=value.shape,
                hint=f"d_model={value.shape[-1]}",
            )
