"""Linear attention with the features elu + 1. Source: arXiv 2006.16236."""

from ..linear import LinearMixer
from ..projections import MultiHead


def make(d_model, n_heads, *, rng):
    return LinearMixer(MultiHead(d_model, n_heads, rng=rng))
