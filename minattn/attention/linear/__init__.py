"""Linear-time mixers: they replace score..gather and come in equal forms."""

from .feature_map import LinearAttention, elu_plus_one

__all__ = ["LinearAttention", "elu_plus_one"]
