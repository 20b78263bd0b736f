"""Multi-head projection."""

from ...autodiff import ops
from ...errors import ArgumentError, ShapeError
from ...nn import Linear, Module
from ...nn.checks import check_sizes


class MultiHead(Module):
    """H heads, each with its own q, k and v of length d = d_model / H.

        head_i = attention(x W_q_i, c W_k_i, c W_v_i)        out = [head_1; ..; head_H] W_o

    d_model     last axis of x and of the output
    n_heads     H, must divide d_model
    d_context   last axis of the context c, default d_model
    bias        whether the four maps have biases
    n_kv_heads  see GroupedQuery, default H
    Head i takes the rows i*d to (i+1)*d of w_q, w_k and w_v. Raises ArgumentError for sizes that do not
    divide, ShapeError for input of another width. Source: arXiv 1706.03762, section 3.2.2.
    """

    def __init__(self, d_model, n_heads, *, rng, d_context=None, bias=True, n_kv_heads=None):
        n_kv_heads, d_context = n_kv_heads or n_heads, d_context or d_model
        self.d_model, self.n_heads, self.n_kv_heads, self.d_context = d_model, n_heads, n_kv_heads, d_context
        check_sizes(type(self).__name__, d_model=d_model, n_heads=n_heads, n_kv_heads=n_kv_heads)
        check_divides(self, "d_model", "n_heads")
        check_divides(self, "n_heads", "n_kv_heads")
        self.d_head = d_model // n_heads
        self.w_q = Linear(d_model, d_model, rng=rng, bias=bias)
        self.w_k = Linear(d_context, n_kv_heads * self.d_head, rng=rng, bias=bias)
        self.w_v = Linear(d_context, n_kv_heads * self.d_head, rng=rng, bias=bias)
        self.w_o = Linear(d_model, d_model, rng=rng, bias=bias)

    def forward(self, x, context):
        """x (B,T,d_model), context (B,S,d_context) -> q (B,H,T,d), k and v (B,n_kv_heads,S,d)."""
        for name, value, width in (("x", x, self.d_model), ("context", context, self.d_context)):
            if value.shape[-1] != width:
                raise ShapeError(
                    f"{type(self).__name__}(d_model={self.d_model}, n_heads={self.n_heads})",
                    expected=f"{name} (B, T, {width})",
                    got=value.shape,
                    hint="check d_model, or d_context for cross-attention",
                )
        q = split_heads(self.w_q(x), self.n_heads)
        k, v = (split_heads(w(context), self.n_kv_heads) for w in (self.w_k, self.w_v))
        return q, k, v

    def merge(self, heads):
        """heads (B,H,T,d) -> (B,T,d_model)."""
        return self.w_o(join_heads(heads))


def check_divides(projection, whole, part):
    """Raise ArgumentError unless the size named `part` divides the one named `whole`."""
    n, parts = getattr(projection, whole), getattr(projection, part)
    if n % parts:
        raise ArgumentError(
            f"{type(projection).__name__}({whole}={n}, {part}={parts})",
            expected=f"{part} that divides {whole}",
            got=f"{n} / {parts}",
            hint=f"{whole}={parts * max(1, round(n / parts))}",
        )


def split_heads(x, n_heads):
    """(B,T,H*d) -> (B,H,T,d)."""
    b, t, width = x.shape
    return ops.transpose(ops.reshape(x, (b, t, n_heads, width // n_heads)), (0, 2, 1, 3))


def join_heads(heads):
    """(B,H,T,d) -> (B,T,H*d)."""
    b, h, t, d = heads.shape
    return ops.reshape(ops.transpose(heads, (0, 2, 1, 3)), (b, t, h * d))
