"""A short convolution with a gate: shifts by a few tokens, which a linear attention cannot do exactly."""

import numpy as np

from ...autodiff import Tensor, as_tensor, no_grad, ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Linear, Parameter, init
from ..checks import check_input
from .base import Mixer


class GatedConv(Mixer):
    """y_t = (W x_t + b) * (sum_{s < width} w_s x_{t-s} + c), each channel with weights w of its own.

    d_model   channels
    width     how many tokens are seen, the last one among them
    valid (B,T): padding counts as 0. Source: arXiv 2402.18668, section 5.1; 2312.04927, BaseConv.
    """

    taxonomy = ("linear", "convolution")

    def __init__(self, d_model, width=3, *, rng):
        if width < 1:
            raise ArgumentError("GatedConv", expected="width >= 1", got=width, hint="GatedConv(d_model, 3)")
        self.d_model, self.width, self.gate = d_model, width, Linear(d_model, d_model, rng=rng)
        self.taps = Parameter(init.fan_in(rng, (d_model, width)).T)
        self.shift = Parameter(np.zeros(d_model))

    def forward(self, x, valid=None):
        x = as_tensor(x)
        valid = check_input("GatedConv", x, x, valid)
        seen = x if valid is None else x * valid[..., None].astype(x.dtype)
        before = xp.zeros((x.shape[0], self.width - 1, self.d_model), dtype=x.dtype)
        return self._mix(x, ops.concatenate([before, seen], axis=1))

    def step(self, x, state=None):
        x = as_tensor(x)
        if state is None:
            state = xp.zeros((x.shape[0], self.width - 1, self.d_model), dtype=x.dtype)
        with no_grad():
            seen = ops.concatenate([Tensor.made_by(state, None), x], axis=1)
            return self._mix(x, seen), seen.data[:, 1:]

    def state_floats(self, length):
        return (self.width - 1) * self.d_model

    def flops(self, length):
        return (self.width + 1) * self.d_model * length

    def _mix(self, x, seen):
        """x (B,T,d_model), seen (B,width-1+T,d_model): the same with what was before."""
        length, total = x.shape[1], self.shift
        for s in range(self.width):
            first = self.width - 1 - s
            total = total + seen[:, first : first + length] * self.taps[s]
        return self.gate(x) * total


def make(d_model, n_heads, *, rng):
    return GatedConv(d_model, rng=rng)
