"""BASED's global half: linear attention with second-order Taylor features of short queries and keys.

Source: arXiv 2402.18668, section 4.1.
"""

from ..linear import LinearMixer, Taylor
from ..projections import NarrowKeys


def make(d_model, n_heads, *, rng, d_key=8):
    return LinearMixer(NarrowKeys(d_model, n_heads, min(d_key, d_model // n_heads), rng=rng), Taylor())
