"""Convolutions as layers."""

import math

import numpy as np

from ..autodiff import ops
from . import init
from .checks import check_sizes, floats
from .module import Module, Parameter


class _Convolution(Module):
    """What both share: a filter of `size` along each of `axes` axes, weight (n_out, n_in, size, ..)."""

    axes, convolve = 1, None

    def __init__(self, n_in, n_out, size, *, rng, stride=1, padding=0, dilation=1):
        check_sizes(type(self).__name__, n_in=n_in, n_out=n_out, size=size)
        self.options = {"stride": stride, "padding": padding, "dilation": dilation}
        bound = 1 / math.sqrt(n_in * size**self.axes)
        self.weight = Parameter(init.uniform(rng, (n_out, n_in) + (size,) * self.axes, bound))
        self.bias = Parameter(np.zeros(n_out))

    def forward(self, x):
        return type(self).convolve(floats(type(self).__name__, x), self.weight, self.bias, **self.options)


class Conv1d(_Convolution):
    """A filter of width `size` slid along time: x (B, n_in, T) -> (B, n_out, T').

    n_in, n_out   channels before and after; weight is (n_out, n_in, size)
    stride, padding, dilation, and T' as in `ops.conv1d`.
    """

    convolve = staticmethod(ops.conv1d)


class Conv2d(_Convolution):
    """A `size` x `size` filter slid over a picture: x (B, n_in, height, width) -> (B, n_out, h', w').

    n_in, n_out   channels before and after; weight is (n_out, n_in, size, size)
    stride, padding, dilation, h' and w' as in `ops.conv2d`.
    """

    axes, convolve = 2, staticmethod(ops.conv2d)
