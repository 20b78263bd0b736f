"""No projection: the attention of recurrent decoders."""

from ...autodiff import ops
from ...nn import Module


class Identity(Module):
    """One head that uses x as queries and the context as both keys and values.

    The widths of x and context may differ where the score bridges them (Additive, General, Concat).
    """

    n_heads = n_kv_heads = 1
    d_head = None  # whatever comes in

    def forward(self, x, context):
        """x (B,T,d_x), context (B,S,d_c) -> q (B,1,T,d_x), k and v (B,1,S,d_c)."""
        keys = ops.expand_dims(context, 1)
        return ops.expand_dims(x, 1), keys, keys

    def merge(self, heads):
        """(B,1,T,d_c) -> (B,T,d_c)."""
        return ops.squeeze(heads, 1)
