"""Projections with fewer maps: two linear maps with nothing between them are one."""

from ...autodiff import ops
from ...nn import Linear, Module
from ...nn.checks import check_sizes
from .free_heads import check_width
from .multi_head import check_divides, join_heads, split_heads


class Efficient(Module):
    """Two maps for four: W_v is merged into W_o, and W_k into W_q. Keys and values are the context itself.

        head_i = attention(x W_q_i, c_i, c_i)        out = [head_1; ..; head_H] W_o

    d_model   last axis of x, of the context and of the output
    n_heads   H, must divide d_model; c_i are the columns i*d to (i+1)*d of the context
    bias      whether the maps have biases
    With one head nothing is lost: W_q' = W_q W_k^T and W_o' = W_v W_o give any standard head (tested).
    Source: arXiv 2403.01643, section 3 (one head). Ours: more heads, which slice keys like values.
    """

    def __init__(self, d_model, n_heads, *, rng, bias=True):
        check_sizes(type(self).__name__, d_model=d_model, n_heads=n_heads)
        self.d_model, self.n_heads, self.n_kv_heads = d_model, n_heads, n_heads
        check_divides(self, "d_model", "n_heads")
        self.d_head = d_model // n_heads
        self.w_q, self.w_o = (Linear(d_model, d_model, rng=rng, bias=bias) for _ in range(2))

    def forward(self, x, context):
        """x (B,T,d_model), context (B,S,d_model) -> q (B,H,T,d), k and v (B,H,S,d)."""
        check_width(self, x=x, context=context)
        given = (self.w_q(x), self.keys(context), self.values(context))
        return tuple(split_heads(each, self.n_heads) for each in given)

    def keys(self, context):
        """(B,S,d_model) -> (B,S,d_model)."""
        return ops.reshape(context, context.shape)

    def values(self, context):
        """(B,S,d_model) -> (B,S,d_model)."""
        return ops.reshape(context, context.shape)

    def merge(self, heads):
        """heads (B,H,T,d) -> (B,T,d_model)."""
        return self.w_o(join_heads(heads))


class Optimised(Efficient):
    """Three maps for four: W_v is merged into W_o, so that a head gathers its columns of the context.

        head_i = attention(x W_q_i, c W_k_i, c_i)

    Arguments as in Efficient. Source: arXiv 2403.01643, section 3.
    """

    def __init__(self, d_model, n_heads, *, rng, bias=True):
        super().__init__(d_model, n_heads, rng=rng, bias=bias)
        self.w_k = Linear(d_model, d_model, rng=rng, bias=bias)

    def keys(self, context):
        return self.w_k(context)
