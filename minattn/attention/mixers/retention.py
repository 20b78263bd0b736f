"""Retention: plain products, and a decay that each head has for itself.

Source: arXiv 2307.08621, section 2. Ours: no rotation of q and k, no gate on the output, a norm without gain.
"""

from ..linear import Each, FixedDecay, LinearMixer, UnitRMS, retention_rates
from ..projections import MultiHead


def make(d_model, n_heads, *, rng):
    return LinearMixer(
        MultiHead(d_model, n_heads, rng=rng),
        Each(lambda x: x),
        decay=FixedDecay(retention_rates(n_heads)),
        normaliser=UnitRMS(),
    )
