"""mask: who may attend to whom. Receives the record, returns booleans that broadcast to (B,H,T,S).

A mask that allows just the keys at places q_pos - left .. q_pos + right says so beside its `__call__`, as
`window = (left, right)` with None for no bound: the fused primitive then needs no table. TokenTypes is the
exception: a mask that is learned must see the scores of hidden keys, and stands in the slot `weights`.
"""

from .block_top_k import BlockTopK
from .causal import Causal
from .chunk import Chunk
from .landmark_top_k import LandmarkTopK
from .lsh_buckets import LSHBuckets
from .padding import Padding
from .sinks import Sinks
from .token_types import TokenTypes, visibility
from .window import Window

__all__ = [
    "BlockTopK", "Causal", "Chunk", "LSHBuckets", "LandmarkTopK", "Padding", "Sinks", "TokenTypes", "Window",
    "visibility",
]  # fmt: skip
