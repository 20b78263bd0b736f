"""The delta rule: what a key held is replaced. Source: arXiv 2406.06484. Ours: no norm of the output."""

from ...nn import Linear
from ..linear import Delta, Each, LinearMixer, Unnormalised, unit_silu
from ..projections import MultiHead


def make(d_model, n_heads, *, rng):
    return LinearMixer(
        MultiHead(d_model, n_heads, rng=rng),
        Each(unit_silu),
        update=Delta(Linear(d_model, n_heads, rng=rng)),
        normaliser=Unnormalised(),
    )
