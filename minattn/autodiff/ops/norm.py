"""Normalisation over the last axis."""

import numpy as np

from ...backends import jit, xp
from ..primitive import call, primitive
from .kernel_math import dense, rows, same_float


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


@jit(fastmath=True)
def layer_norm_rows(x, gain, bias, eps, out, normal, scale):
    """layer_norm of each row of x (N, d); fills out, normal (N, d) and scale (N,)."""
    one, share = x.dtype.type(1), x.dtype.type(1 / x.shape[1])
    for i in range(x.shape[0]):
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


@jit(fastmath=True)
def layer_norm_rows_backward(g, normal, scale, gain, d_x, d_gain, d_bias):
    """The derivative of layer_norm_rows; fills d_x and adds to d_gain, d_bias (d,)."""
    share = g.dtype.type(1 / g.shape[1])
    for i in range(g.shape[0]):
        total, along = g.dtype.type(0), g.dtype.type(0)
        for j in range(g.shape[1]):
            h = g[i, j] * gain[j]
            total += h
            along += h * normal[i, j]
            d_gain[j] += g[i, j] * normal[i, j]
            d_bias[j] += g[i, j]
        for j in range(g.shape[1]):
            d_x[i, j] = scale[i] * (g[i, j] * gain[j] - (total + normal[i, j] * along) * share)


@layer_norm.kernel("numba")
def _(x, gain, bias, eps=1e-5):
    if not gain.shape == bias.shape == x.shape[-1:] or x.size == 0 or not same_float(x, gain, bias):
        return NotImplemented
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
    d_x, d_gain, d_bias = np.empty(x.shape, x.dtype), np.zeros_like(gain), np.zeros_like(bias)
    layer_norm_rows_backward(rows(g), rows(normal), scale.reshape(-1), dense(gain), rows(d_x), d_gain, d_bias)
    return d_x, d_gain, d_bias


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
