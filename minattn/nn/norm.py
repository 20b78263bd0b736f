"""Normalisation layers."""

import numpy as np

from ..autodiff import as_tensor, ops
from ..errors import ShapeError
from .module import Module, Parameter


def _check(layer, x):
    x = as_tensor(x)
    if x.ndim == 0 or x.shape[-1] != layer.d:
        raise ShapeError(
            f"{type(layer).__name__}({layer.d})", expected=f"(.., {layer.d})", got=x.shape, hint="check d_model"
        )
    return x


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last axis, then a learned gain and bias. Source: arXiv 1607.06450."""

    def __init__(self, d, eps=1e-5):
        self.d, self.eps = d, eps
        self.gain, self.bias = Parameter(np.ones(d)), Parameter(np.zeros(d))

    def forward(self, x):
        return ops.layer_norm(_check(self, x), self.gain, self.bias, eps=self.eps)


class RMSNorm(Module):
    """Mean square 1 over the last axis, then a learned gain. Source: arXiv 1910.07467."""

    def __init__(self, d, eps=1e-6):
        self.d, self.eps = d, eps
        self.gain = Parameter(np.ones(d))

    def forward(self, x):
        return ops.rms_norm(_check(self, x), self.gain, eps=self.eps)
