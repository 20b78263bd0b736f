"""Normalisation over the last axis."""

import numpy as np

from ...backends import Declined, jit, prange, xp
from ..primitive import call, primitive
from .kernel_math import MIXED, dense, rows, same_float


@primitive(saves=True)
def layer_norm(x, gain, bias, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * gain + bias over the last axis; gain and bias have its length.

    Source: arXiv 1607.06450, equation 4.
    """
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    scale = 1 / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + eps)
    normal = centred * scale
    return normal * gain + bias, (normal, scale)


@layer_norm.vjp
def _(g, out, saved, x, gain, bias, eps=1e-5):
    normal, scale = saved
    rows = tuple(range(x.ndim - 1))

    def for_x():
        h = g * gain
        mean = xp.mean(h, axis=-1, keepdims=True)
        along = xp.mean(h * normal, axis=-1, keepdims=True)
        return scale * (h - mean - normal * along)

    return for_x, lambda: xp.sum(g * normal, axis=rows), lambda: xp.sum(g, axis=rows)


@layer_norm.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)), rng.normal(size=5), rng.normal(size=5))
    yield call(rng.normal(size=(0, 5)), rng.normal(size=5), rng.normal(size=5))


BLOCK = (
    64  # rows that are summed in one turn, whatever the number of threads: so the sums do not depend on it
)


def turns(n):
    """How many blocks n rows make."""
    return -(-n // BLOCK)


@jit(parallel=True, fastmath=True)
def layer_norm_rows(x, gain, bias, eps, out, normal, scale):
    """layer_norm of each row of x (N, d); fills out, normal (N, d) and scale (N,)."""
    one, share = x.dtype.type(1), x.dtype.type(1 / x.shape[1])
    for i in prange(x.shape[0]):
        total, square = x.dtype.type(0), x.dtype.type(0)
        for j in range(x.shape[1]):
            total += x[i, j]
        mean = total * share
        for j in range(x.shape[1]):
            normal[i, j] = x[i, j] - mean
            square += normal[i, j] * normal[i, j]
        scale[i] = one / np.sqrt(square * share + eps)
        for j in range(x.shape[1]):
            normal[i, j] *= scale[i]
            out[i, j] = normal[i, j] * gain[j] + bias[j]


@jit(parallel=True, fastmath=True)
def layer_norm_rows_backward(g, normal, scale, gain, d_x, d_gain, d_bias):
    """The derivative of layer_norm_rows; fills d_x; each block of rows adds to its row of d_gain, d_bias."""
    share = g.dtype.type(1 / g.shape[1])
    for block in prange(d_gain.shape[0]):
        for i in range(block * BLOCK, min(g.shape[0], block * BLOCK + BLOCK)):
            total, along = g.dtype.type(0), g.dtype.type(0)
            for j in range(g.shape[1]):
                h = g[i, j] * gain[j]
                total += h
                along += h * normal[i, j]
                d_gain[block, j] += g[i, j] * normal[i, j]
                d_bias[block, j] += g[i, j]
            for j in range(g.shape[1]):
                d_x[i, j] = scale[i] * (g[i, j] * gain[j] - (total + normal[i, j] * along) * share)


@layer_norm.kernel("numba")
def _(x, gain, bias, eps=1e-5):
    if not gain.shape == bias.shape == x.shape[-1:] or x.size == 0:
        return Declined("gain or bias has another length, or x is empty")
    if not same_float(x, gain, bias):
        return Declined(MIXED)
    out, normal, scale = (
        np.empty(x.shape, x.dtype),
        np.empty(x.shape, x.dtype),
        np.empty(x.shape[:-1], x.dtype),
    )
    given = rows(x), dense(gain), dense(bias), x.dtype.type(eps)
    layer_norm_rows(*given, rows(out), rows(normal), scale.reshape(-1))
    return out, (normal, scale[..., None])


@layer_norm.vjp_kernel("numba")
def _(g, out, saved, x, gain, bias, eps=1e-5):
    normal, scale = saved
    d_x = np.empty(x.shape, x.dtype)
    d_gain, d_bias = np.zeros((2, turns(scale.size), x.shape[-1]), x.dtype)
    layer_norm_rows_backward(rows(g), rows(normal), scale.reshape(-1), dense(gain), rows(d_x), d_gain, d_bias)
    return d_x, d_gain.sum(axis=0), d_bias.sum(axis=0)


@primitive(saves=True)
def rms_norm(x, gain, eps=1e-6):
    """x / sqrt(mean(x^2) + eps) * gain over the last axis; a row of zeros stays 0.

    Source: arXiv 1910.07467, equation 4.
    """
    scale = 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + eps)
    return x * scale * gain, scale


@rms_norm.vjp
def _(g, out, scale, x, gain, eps=1e-6):
    normal = x * scale

    def for_x():
        h = g * gain
        return scale * (h - normal * xp.mean(h * normal, axis=-1, keepdims=True))

    return for_x, lambda: xp.sum(g * normal, axis=tuple(range(x.ndim - 1)))


@rms_norm.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)), rng.normal(size=5))
    yield call(rng.normal(size=(7,)), rng.normal(size=7))


@jit(parallel=True, fastmath=True)
def rms_norm_rows(x, gain, eps, out, scale):
    """rms_norm of each row of x (N, d); fills out (N, d) and scale (N,)."""
    one, share = x.dtype.type(1), x.dtype.type(1 / x.shape[1])
    for i in prange(x.shape[0]):
        square = x.dtype.type(0)
        for j in range(x.shape[1]):
            square += x[i, j] * x[i, j]
        by = one / np.sqrt(square * share + eps)
        scale[i] = by
        for j in range(x.shape[1]):
            out[i, j] = x[i, j] * by * gain[j]


@jit(parallel=True, fastmath=True)
def rms_norm_rows_backward(g, x, scale, gain, d_x, d_gain):
    """The derivative of rms_norm_rows; fills d_x, and each block of rows adds to its row of d_gain.

    With h = g gain: out = s x gain and ds/dx_j = -s^3 x_j / d give d_x = s (h - x s^2 mean(h x)).
    """
    share = g.dtype.type(1 / g.shape[1])
    for block in prange(d_gain.shape[0]):
        for i in range(block * BLOCK, min(g.shape[0], block * BLOCK + BLOCK)):
            along, by = g.dtype.type(0), scale[i]
            for j in range(g.shape[1]):
                along += g[i, j] * gain[j] * x[i, j]
                d_gain[block, j] += g[i, j] * x[i, j] * by
            along *= by * by * share
            for j in range(g.shape[1]):
                d_x[i, j] = by * (g[i, j] * gain[j] - x[i, j] * along)


@rms_norm.kernel("numba")
def _(x, gain, eps=1e-6):
    if gain.shape != x.shape[-1:] or x.size == 0:
        return Declined("gain has another length, or x is empty")
    if not same_float(x, gain):
        return Declined(MIXED)
    out, scale = np.empty(x.shape, x.dtype), np.empty(x.shape[:-1], x.dtype)
    rms_norm_rows(rows(x), dense(gain), x.dtype.type(eps), rows(out), scale.reshape(-1))
    return out, scale[..., None]


@rms_norm.vjp_kernel("numba")
def _(g, out, scale, x, gain, eps=1e-6):
    d_x, d_gain = np.empty(x.shape, x.dtype), np.zeros((turns(scale.size), x.shape[-1]), x.dtype)
    rms_norm_rows_backward(rows(g), rows(x), scale.reshape(-1), dense(gain), rows(d_x), d_gain)
    return d_x, d_gain.sum(axis=0)
