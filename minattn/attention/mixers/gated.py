"""Gated linear attention: retention whose decay each token chooses.

Source: arXiv 2312.06635, section 4. Ours: one decay a head and not one a feature, no gate on the output.
"""

from ..linear import DecayGate, Each, LinearMixer, UnitRMS
from ..projections import MultiHead


def make(d_model, n_heads, *, rng):
    return LinearMixer(
        MultiHead(d_model, n_heads, rng=rng),
        Each(lambda x: x),
        decay=DecayGate(d_model, n_heads, rng=rng),
        normaliser=UnitRMS(),
    )
