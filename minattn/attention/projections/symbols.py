"""Symbols: vectors that say which object it is, without saying what it is like."""

import math

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError, ShapeError
from ...nn import Embedding, Linear, Module
from ...nn.checks import check_sizes
from .multi_head import join_heads, split_heads


class PositionalSymbols(Module):
    """s_j = S[j]: a learned symbol for each of the places 0 .. max_len-1.

    max_len   longest context; a longer one raises ShapeError
    d_model   length of a symbol
    Source: arXiv 2405.16727, section 2.3.
    """

    def __init__(self, max_len, d_model, *, rng):
        self.table = Embedding(max_len, d_model, rng=rng)

    def forward(self, context):
        """context (B,S,..) -> (B,S,d_model)."""
        batch, length = context.shape[:2]
        if length > self.table.n_tokens:
            raise ShapeError(
                f"PositionalSymbols({self.table.n_tokens})",
                expected=f"at most {self.table.n_tokens} objects",
                got=length,
                hint="a larger max_len, or LearnedSymbols",
            )
        return ops.broadcast_to(self.table(xp.arange(length)), (batch, length, self.table.d_model))


class LearnedSymbols(Module):
    """s_j = softmax(q(x_j) T^T / sqrt(d)) S: the symbols of a library, as they suit the object.

    n_symbols   rows of the templates T and of the symbols S, (n_symbols, d_model)
    n_heads     must divide d_model; each head chooses for its own d_model / n_heads numbers
    Source: arXiv 2405.16727, section 2.3 (symbolic attention).
    """

    def __init__(self, n_symbols, d_model, n_heads=1, *, rng):
        check_sizes("LearnedSymbols", n_symbols=n_symbols, d_model=d_model, n_heads=n_heads)
        if d_model % n_heads:
            raise ArgumentError(
                f"LearnedSymbols(d_model={d_model}, n_heads={n_heads})",
                expected="n_heads that divides d_model",
                got=f"{d_model} / {n_heads}",
                hint="n_heads=1",
            )
        self.n_heads, self.w_q = n_heads, Linear(d_model, d_model, rng=rng)
        self.templates, self.symbols = (Embedding(n_symbols, d_model, rng=rng) for _ in range(2))

    def choose(self, context):
        """(B,n_heads,S,n_symbols), rows sum to 1: how much of each symbol an object gets."""
        q = split_heads(self.w_q(context), self.n_heads)
        fit = (q * (1 / math.sqrt(q.shape[-1]))) @ ops.swapaxes(self._heads(self.templates), -1, -2)
        return ops.softmax(fit)

    def forward(self, context):
        """context (B,S,d_model) -> (B,S,d_model)."""
        return join_heads(self.choose(context) @ self._heads(self.symbols))

    def _heads(self, table):
        return split_heads(ops.expand_dims(table.weight, 0), self.n_heads)
