"""4. THE anatomy of attention, and one mechanism a file for each of its slots.

Attention, Trace, record   the page that runs the steps (read anatomy.py first)
projections  scores  positions  masks  weights  memory
linear, mixers             LinearMixer and its parts; whole mixers by name, combinators
multi_head .. luong_local_p   recipes: slots filled as the literature names them
structures, hopfield       attention by brute force over graphs, and as a memory that is read again and again
"""

from . import hopfield, linear, masks, memory, mixers, positions, projections, scores, structures, weights
from .anatomy import Attention, Trace
from .linear import LinearMixer
from .masks import Causal, Padding, Window
from .memory import KVCache, SlidingCache
from .positions import ALiBi, CoPE, LearnedPositions, Relative, Rotary, Sinusoidal
from .projections import GroupedQuery, Identity, MultiHead, MultiQuery, NarrowKeys
from .recipes import (
    bahdanau,
    grouped_query,
    luong_concat,
    luong_dot,
    luong_general,
    luong_local_m,
    luong_local_p,
    luong_location,
    multi_head,
    multi_query,
)
from .recording import record
from .scores import Additive, Concat, Dot, General, Location, ScaledDot
from .weights import LocalGaussian, ReLA, ReLU, Softmax, Sparsemax, TopK

__all__ = [
    "ALiBi", "Additive", "Attention", "Causal", "CoPE", "Concat", "Dot", "General", "GroupedQuery",
    "Identity", "KVCache", "LearnedPositions", "LinearMixer", "LocalGaussian", "Location", "MultiHead",
    "MultiQuery", "NarrowKeys", "Padding", "ReLA", "ReLU", "Relative", "Rotary", "ScaledDot", "Sinusoidal",
    "SlidingCache", "Softmax", "Sparsemax", "TopK", "Trace", "Window", "bahdanau", "grouped_query",
    "hopfield", "linear", "luong_concat", "luong_dot", "luong_general", "luong_local_m", "luong_local_p",
    "luong_location", "masks", "memory", "mixers", "multi_head", "multi_query", "positions", "projections",
    "record", "scores", "structures", "weights",
]  # fmt: skip
