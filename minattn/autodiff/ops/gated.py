"""Gated activations: one array opens and closes the way for another."""

import numpy as np

from ...backends import Declined, jit, prange, xp
from ..primitive import call, primitive
from .kernel_math import MIXED, dense, same_float, sigmoid

PIECE = 4096  # numbers a turn


@primitive(saves=True)
def swiglu(x, y):
    """silu(x) * y = x sigmoid(x) y, element by element. Source: arXiv 2002.05202, equation 5.

    >>> swiglu([0.0, 100.0], [3.0, 3.0]).numpy().tolist()
    [0.0, 300.0]
    """
    s = 0.5 * (xp.tanh(0.5 * x) + 1)
    return x * s * y, s


@swiglu.vjp
def _(g, out, s, x, y):
    return lambda: g * y * (s + x * s * (1 - s)), lambda: g * x * s


@swiglu.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)) * 3, rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)), rng.normal(size=(3, 1)))


@jit
def swiglu_piece(x, y, out, s):
    """s = sigmoid(x), out = x s y; all (n,)."""
    for i in range(out.size):
        s[i] = sigmoid(x[i])
        out[i] = x[i] * s[i] * y[i]


@jit
def swiglu_piece_backward(g, x, y, s, d_x, d_y):
    """d(x s)/dx = s + x s (1 - s), for the slope of the sigmoid s is s (1 - s)."""
    one = x.dtype.type(1)
    for i in range(g.size):
        d_y[i] = g[i] * x[i] * s[i]
        d_x[i] = g[i] * y[i] * (s[i] + x[i] * s[i] * (one - s[i]))


@jit(parallel=True)
def swiglu_flat(x, y, out, s):
    """swiglu_piece over all numbers."""
    for turn in prange(-(-x.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        swiglu_piece(x[part], y[part], out[part], s[part])


@jit(parallel=True)
def swiglu_flat_backward(g, x, y, s, d_x, d_y):
    """swiglu_piece_backward over all numbers."""
    for turn in prange(-(-x.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        swiglu_piece_backward(g[part], x[part], y[part], s[part], d_x[part], d_y[part])


@swiglu.kernel("numba")
def _(x, y):
    if getattr(x, "shape", None) != getattr(y, "shape", ()):
        return Declined("the arguments broadcast")
    if not same_float(x, y):
        return Declined(MIXED)
    out, s = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    swiglu_flat(_flat(x), _flat(y), _flat(out), _flat(s))
    return out, s


@swiglu.vjp_kernel("numba")
def _(g, out, s, x, y):
    d_x, d_y = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    swiglu_flat_backward(_flat(g), _flat(x), _flat(y), _flat(s), _flat(d_x), _flat(d_y))
    return d_x, d_y


def _flat(array):
    return dense(array).reshape(-1)
