"""mask: who may attend to whom. Receives the record, returns booleans that broadcast to (B,H,T,S)."""

from .causal import Causal
from .padding import Padding
from .window import Window

__all__ = ["Causal", "Padding", "Window"]
