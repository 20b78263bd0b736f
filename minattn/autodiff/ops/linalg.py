"""Matrix products."""

import numpy as np

from ...backends import jit, prange, threads, xp
from ..primitive import call, primitive
from .kernel_math import dense, rows, same_float


@primitive
def matmul(x, y):
    """x @ y over the last two axes; the axes before them broadcast. 1-D arguments as in NumPy."""
    return xp.matmul(x, y)


@matmul.vjp
def _(g, out, x, y):
    rows = x[None] if x.ndim == 1 else x  # (.., n, k)
    columns = y[:, None] if y.ndim == 1 else y  # (.., k, m)
    if x.ndim == 1:
        g = xp.expand_dims(g, -1 if y.ndim == 1 else -2)
    if y.ndim == 1:
        g = xp.expand_dims(g, -1)

    def for_x():
        part = xp.matmul(g, xp.swapaxes(columns, -1, -2))
        return part[..., 0, :] if x.ndim == 1 else part

    def for_y():
        left, right = rows, g
        if y.ndim >= 2 and x.ndim > y.ndim:  # one product over all rows that share y, not a sum of many
            left, right = _joined(rows, x.ndim - y.ndim), _joined(g, x.ndim - y.ndim)
        part = xp.matmul(xp.swapaxes(left, -1, -2), right)
        return part[..., 0] if y.ndim == 1 else part

    return for_x, for_y


def _joined(a, n):
    """The first `n` axes of (A.., H.., T, d) joined to its rows: (H.., A.. * T, d)."""
    a = xp.moveaxis(a, tuple(range(n)), tuple(range(-2 - n, -2)))
    return a.reshape(*a.shape[: -2 - n], -1, a.shape[-1])


@matmul.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(3, 5)))
    yield call(rng.normal(size=(7, 2, 3)), rng.normal(size=(3, 5)))
    yield call(rng.normal(size=(7, 1, 2, 3)), rng.normal(size=(11, 3, 5)))
    yield call(rng.normal(size=(7, 13, 11, 2, 3)), rng.normal(size=(11, 3, 5)))
    yield call(rng.normal(size=(7, 11, 2, 3)), rng.normal(size=(1, 3, 5)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(3, 5)))
    yield call(rng.normal(size=(7, 2, 3)), rng.normal(size=(3,)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(3,)))
    yield call(rng.normal(size=(0, 3)), rng.normal(size=(3, 5)))


@primitive
def linear(x, weight, bias=None):
    """x @ weight.T + bias: x (.., n_in), weight (n_out, n_in), bias (n_out,) or None -> (.., n_out)."""
    out = xp.matmul(x.reshape(-1, x.shape[-1]), weight.T)
    if bias is not None:
        out += bias
    return out.reshape(*x.shape[:-1], weight.shape[0])


@linear.vjp
def _(g, out, x, weight, bias=None):
    rows = g.reshape(-1, g.shape[-1])
    return (
        lambda: xp.matmul(rows, weight).reshape(x.shape),
        lambda: xp.matmul(rows.T, x.reshape(-1, x.shape[-1])),
        None if bias is None else lambda: xp.sum(rows, axis=0),
    )


FEW = 1 << 22  # products of two numbers; below, one call of NumPy's BLAS is faster than the kernels


@jit(parallel=True)
def linear_rows(x, weight, bias, out, size):
    """out = x weight^T + bias, `size` rows a turn; an empty bias is none. Each turn is one BLAS call."""
    for turn in prange(-(-x.shape[0] // size)):
        part = out[turn * size : turn * size + size]
        np.dot(x[turn * size : turn * size + size], weight.T, part)
        if bias.size > 0:
            for i in range(part.shape[0]):
                for j in range(part.shape[1]):
                    part[i, j] += bias[j]


@jit(parallel=True)
def linear_rows_for_x(g, weight, d_x, size):
    """d_x = g weight: out_i = sum_j x_j w_ij gives d_x_j = sum_i g_i w_ij, for each row by itself."""
    for turn in prange(-(-g.shape[0] // size)):
        np.dot(g[turn * size : turn * size + size], weight, d_x[turn * size : turn * size + size])


@jit(parallel=True)
def linear_rows_for_weight(g, x, parts, size):
    """The sum of parts becomes g^T x, the gradient of the weight: each turn its own rows, its own part."""
    for turn in prange(parts.shape[0]):
        np.dot(g[turn * size : turn * size + size].T, x[turn * size : turn * size + size], parts[turn])


@jit(parallel=True)
def linear_rows_for_bias(g, parts, size):
    """The sum of parts becomes the sum of the rows of g."""
    for turn in prange(parts.shape[0]):
        part = parts[turn]
        for i in range(turn * size, min(g.shape[0], turn * size + size)):
            for j in range(part.size):
                part[j] += g[i, j]


@linear.kernel("numba")
def _(x, weight, bias=None):
    fits = weight.ndim == 2 and x.ndim > 0 and x.shape[-1] == weight.shape[1]
    fits = fits and (bias is None or bias.shape == weight.shape[:1])
    if not fits or 0 in (x.size, weight.size) or not same_float(x, weight, bias):
        return NotImplemented
    if x.size * weight.shape[0] < FEW:
        return linear.forward(x, weight, bias)
    out, x = np.empty((*x.shape[:-1], weight.shape[0]), x.dtype), rows(x)
    bias = np.empty(0, x.dtype) if bias is None else dense(bias)
    linear_rows(x, dense(weight), bias, rows(out), _share(x))
    return out


def _share(x):
    """How many rows each thread takes."""
    return -(-x.shape[0] // threads())


@linear.vjp_kernel("numba")
def _(g, out, x, weight, bias=None):
    if x.size * weight.shape[0] < FEW:
        return linear._vjp(g, out, x, weight, bias)
    given, g = rows(x), rows(g)
    size = _share(given)
    turns = -(-given.shape[0] // size)

    def for_x():
        d_x = np.empty(x.shape, x.dtype)
        linear_rows_for_x(g, dense(weight), rows(d_x), size)
        return d_x

    def for_weight():
        parts = np.empty((turns, *weight.shape), x.dtype)
        linear_rows_for_weight(g, given, parts, size)
        return _added(parts)

    def for_bias():
        parts = np.zeros((turns, weight.shape[0]), x.dtype)
        linear_rows_for_bias(g, parts, size)
        return _added(parts)

    return for_x, for_weight, None if bias is None else for_bias


def _added(parts):
    """The sum of all parts, in the first of them: fresh memory costs more than the sum."""
    for part in parts[1:]:
        parts[0] += part
    return parts[0]


@linear.samples
def _(rng):
    yield call(rng.normal(size=(2, 149, 61)), rng.normal(size=(67, 61)), rng.normal(size=(67,)))
    yield call(rng.normal(size=(263, 61)), rng.normal(size=(67, 61)))
    yield call(rng.normal(size=(2, 5, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7,)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(7, 3)))
    yield call(rng.normal(size=(0, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7,)))
