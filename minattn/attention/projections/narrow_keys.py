"""Queries and keys that are shorter than the values."""

from ...nn import Linear
from ...nn.checks import check_sizes
from .multi_head import MultiHead


class NarrowKeys(MultiHead):
    """Multi-head projection with queries and keys of length d_key and values of length d = d_model / H.

    d_key   length of a query and of a key; the rest as in MultiHead
    What is looked up grows with d, what looking costs with d_key. Source: arXiv 2402.18668, section 4.1.
    """

    def __init__(self, d_model, n_heads, d_key, *, rng, bias=True):
        check_sizes("NarrowKeys", d_key=d_key)
        super().__init__(d_model, n_heads, rng=rng, bias=bias)
        self.d_key = d_key
        self.w_q, self.w_k = (Linear(d_model, n_heads * d_key, rng=rng, bias=bias) for _ in range(2))
