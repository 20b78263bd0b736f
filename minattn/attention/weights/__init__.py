"""weigh: from scores to weights. Receives the record, returns (B,H,T,S); 0 where the mask is False."""

from .base import Weights
from .expanding import Expanding
from .gated_norm import GatedNorm
from .gaussian import LocalGaussian
from .grouped import GroupedSoftmax
from .head_mix import HeadMix
from .heavy_hitters import HeavyHitters
from .marginal import Marginal, Sigmoid, geometric
from .rela import ReLA
from .relaxed import Relaxed
from .relu import ReLU
from .softmax import Softmax
from .sparsemax import Sparsemax
from .top_k import TopK

__all__ = [
    "Expanding", "GatedNorm", "GroupedSoftmax", "HeadMix", "HeavyHitters", "LocalGaussian", "Marginal",
    "ReLA", "ReLU", "Relaxed", "Sigmoid", "Softmax", "Sparsemax", "TopK", "Weights", "geometric",
]  # fmt: skip
