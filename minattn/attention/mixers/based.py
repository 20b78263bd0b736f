"""BASED in one layer: a small window for the near, Taylor features for the far, their outputs added.

Source: arXiv 2402.18668, section 4. Ours: both in one layer; there each has layers of its own.
"""

from ..positions import Rotary
from . import taylor, window
from .join import Sum
from .parallel import Parallel


def make(d_model, n_heads, *, rng):
    near = window.make(d_model, n_heads, rng=rng, width=4, positions=[Rotary(d_model // n_heads)])
    return Parallel([near, taylor.make(d_model, n_heads, rng=rng)], Sum())
