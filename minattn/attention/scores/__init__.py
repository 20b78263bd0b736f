"""score: how well each query fits each key. Receives the record, returns (B,H,T,S)."""

from .additive import Additive
from .base import Score
from .concat import Concat
from .dot import Dot, ScaledDot
from .general import General
from .head_mix import HeadMix
from .key_query_conv import KeyQueryConv
from .location import Location
from .mlp import MLP
from .ssmax import SSMax

__all__ = [
    "Additive", "Concat", "Dot", "General", "HeadMix", "KeyQueryConv", "Location", "MLP", "SSMax",
    "ScaledDot", "Score",
]  # fmt: skip
