"""Convolutions equal the sum that defines them."""

import itertools

import numpy as np
import pytest

from minattn.autodiff import ops, precision
from minattn.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)


def by_definition(x, weight, bias, stride, padding, dilation):
    """out[b, o, at] = bias[o] + sum over c, tap of weight[o, c, tap] x[b, c, stride at + dilation tap]."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    sizes = weight.shape[2:]
    outs = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], sizes, stride, dilation, strict=True)
    ]
    out = np.zeros((len(x), len(weight), *outs)) + bias.reshape(-1, *(1 for _ in sizes))
    for at in itertools.product(*map(range, outs)):
        for tap in itertools.product(*map(range, sizes)):
            place = tuple(s * a + d * t for s, a, d, t in zip(stride, at, dilation, tap, strict=True))
            out[(..., *at)] += x[(..., *place)] @ weight[(..., *tap)].T
    return out


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize("dilation", [1, 3])
def test_conv1d(stride, padding, dilation):
    x, weight, bias = RNG.normal(size=(2, 3, 11)), RNG.normal(size=(5, 3, 3)), RNG.normal(size=5)
    with precision(64):
        out = ops.conv1d(x, weight, bias, stride=stride, padding=padding, dilation=dilation).numpy()
    np.testing.assert_allclose(out, by_definition(x, weight, bias, (stride,), (padding,), (dilation,)))


@pytest.mark.parametrize("stride, padding, dilation", [(1, 0, 1), ((2, 1), (0, 3), (1, 2)), (3, 1, (2, 1))])
def test_conv2d(stride, padding, dilation):
    x, weight, bias = RNG.normal(size=(2, 3, 7, 11)), RNG.normal(size=(5, 3, 2, 3)), RNG.normal(size=5)
    with precision(64):
        out = ops.conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation).numpy()
    pairs = [p if isinstance(p, tuple) else (p, p) for p in (stride, padding, dilation)]
    np.testing.assert_allclose(out, by_definition(x, weight, bias, *pairs))


def test_filter_as_long_as_the_signal_is_a_linear_map():
    x, weight = RNG.normal(size=(2, 3, 7)), RNG.normal(size=(5, 3, 7))
    with precision(64):
        out = ops.conv1d(x, weight).numpy()[..., 0]
    np.testing.assert_allclose(out, x.reshape(2, -1) @ weight.reshape(5, -1).T)


def test_errors():
    x, weight = np.ones((2, 3, 7)), np.ones((5, 3, 2))
    for bad in ((x[0], weight), (x, weight[0]), (x, weight[:, 1:]), (x[..., :1], weight)):
        with pytest.raises(ShapeError, match="conv1d"):
            ops.conv1d(*bad)
    with pytest.raises(ShapeError, match="height, width"):
        ops.conv2d(x, weight)
    for options in ({"stride": 0}, {"padding": -1}, {"dilation": 0}, {"stride": (1, 2)}, {"padding": 0.5}):
        with pytest.raises(ArgumentError, match=next(iter(options))):
            ops.conv1d(x, weight, **options)
