"""Heads that are only some of a layer's heads, and heads whose values are symbols."""

from ...nn import Linear
from .free_heads import FreeHeads
from .multi_head import split_heads


class SomeHeads(FreeHeads):
    """H heads of length d, whose output is H * d long, whatever d_model is: the rest is for other heads.

    d_model, n_heads, d_head   as in FreeHeads
    With H * d = d_model this is MultiHead.
    """

    def __init__(self, d_model, n_heads, d_head, *, rng):
        super().__init__(d_model, n_heads, d_head, rng=rng)
        self.w_o = Linear(n_heads * d_head, n_heads * d_head, rng=rng)


class SymbolHeads(SomeHeads):
    """Heads that gather s_j W_s in place of x_j W_v: a symbol says who was found, not what it is like.

    symbols   context (B,S,d_model) -> (B,S,d_model): PositionalSymbols or LearnedSymbols
    w_v is W_s. What was found comes from the position Relations. Source: arXiv 2405.16727, section 2.2.
    """

    def __init__(self, d_model, n_heads, d_head, symbols, *, rng):
        super().__init__(d_model, n_heads, d_head, rng=rng)
        self.symbols = symbols

    def forward(self, x, context):
        q, k, _ = super().forward(x, context)
        return q, k, split_heads(self.w_v(self.symbols(context)), self.n_heads)
