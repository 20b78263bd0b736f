"""project and merge: from x and context to q, k, v, and from heads back to d_model."""

from .grouped_query import GroupedQuery
from .identity import Identity
from .multi_head import MultiHead
from .multi_query import MultiQuery
from .narrow_keys import NarrowKeys

__all__ = ["GroupedQuery", "Identity", "MultiHead", "MultiQuery", "NarrowKeys"]
