"""Gated linear attention of TransNormerLLM: swish features, a decay, a norm in place of a sum, a plain gate.

Source: arXiv 2307.14995, section 3.1.
"""

from ...autodiff import ops
from ..linear import Each, FixedDecay, LinearMixer, OutputGate, UnitRMS, layer_rates
from ..positions import LRPE
from ..projections import MultiHead


def make(d_model, n_heads, *, rng, layer=0, n_layers=2):
    """One layer of several: only the first has LRPE, the decay is weaker in the upper ones."""
    return LinearMixer(
        MultiHead(d_model, n_heads, rng=rng, bias=False),
        Each(ops.silu),
        decay=FixedDecay(layer_rates(n_heads, layer, n_layers)),
        normaliser=UnitRMS((1, -1)),
        gate=OutputGate(d_model, n_heads, rng=rng),
        positions=[LRPE(d_model // n_heads)] if layer == 0 else [],
    )
