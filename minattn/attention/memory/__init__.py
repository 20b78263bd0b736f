"""remember: a memory changes k, v, k_pos and valid of the record together.

`remember(t)` returns the record's offset: the first of q_pos less the first of k_pos, or None where places
do not go up by 1. Keys that have no place go to `t.front` (see FrontMemory), all others to t.k and t.v.
"""

from .fifo import FIFOMemory, TokenCache
from .front import Front, FrontMemory
from .knn import KNNMemory
from .kv_cache import KVCache
from .neural import DeepMemory, MatrixMemory
from .persistent import PersistentKV
from .query_cache import QueryCache
from .sliding import SlidingCache
from .typed_cache import TypedCache

__all__ = [
    "DeepMemory", "FIFOMemory", "Front", "FrontMemory", "KNNMemory", "KVCache", "MatrixMemory",
    "PersistentKV", "QueryCache", "SlidingCache", "TokenCache", "TypedCache",
]  # fmt: skip
