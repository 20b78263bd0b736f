"""remember: a memory changes k, v, k_pos and valid of the record together."""

from .kv_cache import KVCache

__all__ = ["KVCache"]
