"""Linear-time mixers: they replace score..gather and come in equal forms."""

from .decayed import DecayedLinear, unit_rms
from .delta import DeltaRule, unit_silu
from .feature_map import LinearAttention, elu_plus_one

__all__ = ["DecayedLinear", "DeltaRule", "LinearAttention", "elu_plus_one", "unit_rms", "unit_silu"]
