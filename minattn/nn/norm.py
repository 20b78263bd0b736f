"""Normalisation layers."""

import numpy as np

from ..autodiff import as_tensor, ops
from .checks import check_sizes, features
from .module import Module, Parameter


class LayerNorm(Module):
    """gain (x - mean) / sqrt(var + eps) + bias over the last axis. Source: arXiv 1607.06450, equation 4.

    d     length of the last axis, of gain (weight in PyTorch) and of bias
    eps   keeps the division finite
    """

    def __init__(self, d, eps=1e-5):
        check_sizes("LayerNorm", d=d)
        self.d, self.eps = d, eps
        self.gain, self.bias = Parameter(np.ones(d)), Parameter(np.zeros(d))

    def forward(self, x):
        return ops.layer_norm(features(f"LayerNorm({self.d})", x, self.d), self.gain, self.bias, eps=self.eps)


class RMSNorm(Module):
    """gain x / sqrt(mean(x^2) + eps) over the last axis. Source: arXiv 1910.07467, equation 4.

    d     length of the last axis and of gain (weight in PyTorch)
    eps   inside the root, so that zeros stay zeros

    >>> RMSNorm(2, eps=0.0)(np.array([3.0, -3.0])).numpy().tolist()
    [1.0, -1.0]
    """

    def __init__(self, d, eps=1e-6):
        check_sizes("RMSNorm", d=d)
        self.d, self.eps = d, eps
        self.gain = Parameter(np.ones(d))

    def forward(self, x):
        return ops.rms_norm(features(f"RMSNorm({self.d})", x, self.d), self.gain, eps=self.eps)


class SRMSNorm(Module):
    """x / sqrt(mean(x^2) + eps) over the last axis, without parameters. Source: arXiv 2307.14995, 3.1.

    >>> SRMSNorm(eps=0.0)(np.array([3.0, -3.0])).numpy().tolist()
    [1.0, -1.0]
    """

    def __init__(self, eps=1e-6):
        self.eps = eps

    def forward(self, x):
        x = as_tensor(x)
        return x * (ops.mean(x * x, axis=-1, keepdims=True) + self.eps) ** -0.5
