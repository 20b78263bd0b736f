"""Convolutions as layers."""

import numpy as np

from ..autodiff import ops
from . import init
from .module import Module, Parameter


def _kernel(rng, n_out, n_in, size):
    fan = n_in * int(np.prod(size))
    return Parameter(init.uniform(rng, (n_out, n_in, *size), 1 / np.sqrt(fan)))


class Conv1d(Module):
    """A filter of width `size` slid along time: x (B, n_in, T) -> (B, n_out, T').

    stride, padding, dilation as in `ops.conv1d`.
    """

    def __init__(self, n_in, n_out, size, *, rng, stride=1, padding=0, dilation=1):
        self.options = {"stride": stride, "padding": padding, "dilation": dilation}
        self.weight, self.bias = _kernel(rng, n_out, n_in, (size,)), Parameter(np.zeros(n_out))

    def forward(self, x):
        return ops.conv1d(x, self.weight, self.bias, **self.options)


class Conv2d(Module):
    """A `size` x `size` filter slid over a picture: x (B, n_in, height, width) -> (B, n_out, h', w').

    stride, padding, dilation as in `ops.conv2d`.
    """

    def __init__(self, n_in, n_out, size, *, rng, stride=1, padding=0, dilation=1):
        self.options = {"stride": stride, "padding": padding, "dilation": dilation}
        self.weight, self.bias = _kernel(rng, n_out, n_in, (size, size)), Parameter(np.zeros(n_out))

    def forward(self, x):
        return ops.conv2d(x, self.weight, self.bias, **self.options)
