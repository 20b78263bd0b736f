"""weigh: from scores to weights. Receives the record, returns (B,H,T,S); 0 where the mask is False."""

from .base import Weights
from .gaussian import LocalGaussian
from .heavy_hitters import HeavyHitters
from .rela import ReLA
from .relu import ReLU
from .softmax import Softmax
from .sparsemax import Sparsemax

__all__ = ["HeavyHitters", "LocalGaussian", "ReLA", "ReLU", "Softmax", "Sparsemax", "Weights"]
