"""A gate on what the heads gathered."""

from ...nn import Linear, Module
from ..projections.multi_head import split_heads


class OutputGate(Module):
    """heads * act(w x), element by element, before the heads are merged.

    d_model, n_heads   w is (d_model, d_model), without bias
    act                sigmoid, silu, ..; default none
    Source: arXiv 2307.08621, equation 8 (silu); 2307.14995, section 3.1 (no activation).
    """

    def __init__(self, d_model, n_heads, *, rng, act=None):
        self.n_heads, self.act = n_heads, act
        self.w = Linear(d_model, d_model, rng=rng, bias=False)

    def forward(self, heads, x):
        """heads (B,H,T,d), x (B,T,d_model) -> (B,H,T,d)."""
        gate = self.w(x)
        return heads * split_heads(gate if self.act is None else self.act(gate), self.n_heads)
