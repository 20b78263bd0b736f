"""Linear attention, whose output a window attention reads. Source: arXiv 2507.19595, section 4."""

from . import linear, window
from .sequential import Sequential


def make(d_model, n_heads, *, rng):
    return Sequential([linear.make(d_model, n_heads, rng=rng), window.make(d_model, n_heads, rng=rng)])
