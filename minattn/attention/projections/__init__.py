"""project and merge: from x and context to q, k, v, and from heads back to d_model."""

from .free_heads import FreeHeads
from .grouped_query import GroupedQuery
from .head_embedding import AddedHeads, ScaledHeads, TiedHeads
from .identity import Identity
from .multi_head import MultiHead
from .multi_query import MultiQuery
from .narrow_keys import NarrowKeys
from .relational import SomeHeads, SymbolHeads
from .symbols import LearnedSymbols, PositionalSymbols
from .whole_values import WholeValues

__all__ = [
    "AddedHeads", "FreeHeads", "GroupedQuery", "Identity", "LearnedSymbols", "MultiHead", "MultiQuery",
    "NarrowKeys", "PositionalSymbols", "ScaledHeads", "SomeHeads", "SymbolHeads", "TiedHeads",
    "WholeValues",
]  # fmt: skip
