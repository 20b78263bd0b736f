"""mask: who may attend to whom. Receives the record, returns booleans that broadcast to (B,H,T,S).

A mask that allows just the keys at places q_pos - left .. q_pos + right says so beside its `__call__`, as
`window = (left, right)` with None for no bound: the fused primitive then needs no table.
"""

from .causal import Causal
from .padding import Padding
from .window import Window

__all__ = ["Causal", "Padding", "Window"]
