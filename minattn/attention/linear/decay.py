"""Decays: how much of the state each token leaves. A decay maps x to log a <= 0, (B or 1, H, T or 1)."""

import numpy as np

from ...autodiff import Tensor, ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Linear, Module


def retention_rates(n_heads):
    """1 - 2^-5, 1 - 2^-6, .. for the heads in turn. Source: arXiv 2307.08621, section 2.2.

    >>> retention_rates(2)
    (0.96875, 0.984375)
    """
    return tuple(1 - 2.0 ** -(5 + h) for h in range(n_heads))


class FixedDecay(Module):
    """The same a at every token, one number a head.

    rates   H numbers in (0, 1]; 1 forgets nothing
    """

    kind = "decay"

    def __init__(self, rates):
        self.rates = tuple(map(float, rates))
        if not self.rates or not all(0 < rate <= 1 for rate in self.rates):
            raise ArgumentError(
                "FixedDecay",
                expected="numbers in (0, 1], one a head",
                got=self.rates,
                hint="FixedDecay(retention_rates(n_heads))",
            )

    @property
    def n_heads(self):
        return len(self.rates)

    def forward(self, x):
        return Tensor.made_by(xp.asarray(np.log(self.rates), dtype=x.dtype)[None, :, None], None)


class DecayGate(Module):
    """Each token decides: log a = log sigmoid(w x + b) / temper, one number a head.

    d_model, n_heads   w is (n_heads, d_model)
    temper             the larger, the slower it forgets at the start: a = 0.5^(1/16) = 0.958 for 16
    Source: arXiv 2312.06635, section 4.2. Ours: one number a head and not one a feature.
    """

    kind = "decay"

    def __init__(self, d_model, n_heads, *, rng, temper=16):
        self.n_heads, self.temper, self.w = n_heads, temper, Linear(d_model, n_heads, rng=rng)

    def forward(self, x):
        return ops.swapaxes(ops.softplus(-self.w(x)), -1, -2) / -self.temper


def layer_rates(n_heads, layer, n_layers):
    """exp(-4^(-h) (1 - layer / n_layers)) for the heads h = 0 .. H-1 of layer 0 .. n_layers-1: slower above.

    Source: arXiv 2307.14995, section 3.1. Ours: 1, 1/4, 1/16, .. in place of 8h / H, so that in two layers
    some heads look near and others far.

    >>> [round(rate, 3) for rate in layer_rates(2, 1, 2)]
    [0.607, 0.882]
    """
    return tuple(float(np.exp(-(4.0**-h) * (1 - layer / n_layers))) for h in range(n_heads))


def published_rates(n_heads, layer, n_layers):
    """exp(-(8h / H) (1 - layer / n_layers)), h = 0 .. H-1, as published: head 0 forgets nothing.

    Source: arXiv 2307.14995, section 3.1.
    """
    return tuple(float(np.exp(-8 * h / n_heads * (1 - layer / n_layers))) for h in range(n_heads))
