"""project and merge: from x and context to q, k, v, and from heads back to d_model."""

from .free_heads import FreeHeads
from .grouped_query import GroupedQuery
from .head_embedding import AddedHeads, ScaledHeads, TiedHeads
from .identity import Identity
from .multi_head import MultiHead
from .multi_query import MultiQuery
from .narrow_keys import NarrowKeys
from .optimised import Efficient, Optimised
from .relational import SomeHeads, SymbolHeads
from .super import CausalSuper, Super
from .symbols import LearnedSymbols, PositionalSymbols
from .whole_values import WholeValues

__all__ = [
    "AddedHeads", "CausalSuper", "Efficient", "FreeHeads", "GroupedQuery", "Identity", "LearnedSymbols",
    "MultiHead", "MultiQuery", "NarrowKeys", "Optimised", "PositionalSymbols", "ScaledHeads", "SomeHeads",
    "Super", "SymbolHeads", "TiedHeads", "WholeValues",
]  # fmt: skip
