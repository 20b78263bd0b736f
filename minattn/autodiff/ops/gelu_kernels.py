"""GELU and SiLU in one pass, which also leaves the slope: the backward pass is then one product.

Both are x s(c x + ..) with the logistic function s, for 0.5 (1 + tanh(u)) = s(2u). The loops stand in
functions of flat pieces of known length: only so do they become vector instructions.
"""

import math

import numpy as np

from ...backends import Declined, jit, prange
from .kernel_math import MIXED, dense, same_float, sigmoid

PIECE = 4096  # numbers a turn
DOUBLE = 2 * math.sqrt(2 / math.pi)


@jit
def gelu_piece(x, out, slope):
    """With u = a (x + b x^3) and s = sigmoid(2u): out = x s, slope = s + x s (1 - s) 2 u'."""
    real = x.dtype.type
    one, a, b = real(1), real(DOUBLE), real(0.044715)
    for i in range(x.size):
        square = x[i] * x[i]
        s = sigmoid(a * x[i] * (one + b * square))
        out[i] = x[i] * s
        slope[i] = s + out[i] * (one - s) * a * (one + real(3) * b * square)


@jit
def silu_piece(x, out, slope):
    """With s = sigmoid(x): out = x s, slope = s + x s (1 - s)."""
    one = x.dtype.type(1)
    for i in range(x.size):
        s = sigmoid(x[i])
        out[i] = x[i] * s
        slope[i] = s + out[i] * (one - s)


@jit(parallel=True)
def gelu_flat(x, out, slope):
    """gelu_piece over all of x (n,)."""
    for turn in prange(-(-x.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        gelu_piece(x[part], out[part], slope[part])


@jit(parallel=True)
def silu_flat(x, out, slope):
    """silu_piece over all of x (n,)."""
    for turn in prange(-(-x.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        silu_piece(x[part], out[part], slope[part])


@jit
def times_piece(g, slope, out):
    """out = g * slope."""
    for i in range(out.size):
        out[i] = g[i] * slope[i]


@jit(parallel=True)
def times(g, slope, out):
    """out = g * slope, all (n,)."""
    for turn in prange(-(-g.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        times_piece(g[part], slope[part], out[part])


def with_slope(kernel, x):
    """(out, slope) of gelu_flat or silu_flat over an array of any shape."""
    if not same_float(x):
        return Declined(MIXED)
    out, slope = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    kernel(dense(x).reshape(-1), out.reshape(-1), slope.reshape(-1))
    return out, slope


def from_slope(g, out, slope, x):
    """The derivative: g times what `with_slope` left."""
    grad = np.empty(x.shape, x.dtype)
    times(dense(g).reshape(-1), slope.reshape(-1), grad.reshape(-1))
    return (grad,)
