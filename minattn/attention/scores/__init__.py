"""score: how well each query fits each key. Receives the record, returns (B,H,T,S)."""

from .additive import Additive
from .base import Score
from .concat import Concat
from .dot import Dot, ScaledDot
from .general import General
from .location import Location

__all__ = ["Additive", "Concat", "Dot", "General", "Location", "ScaledDot", "Score"]
