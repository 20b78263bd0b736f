"""Matrix products."""

import functools

import numpy as np

from ...backends import Declined, xp
from ..primitive import call, primitive
from .kernel_math import MIXED, dense, rows, same_float
from .product_kernels import (
    pairs,
    pairs_for_x,
    pairs_for_y,
    rows_by,
    rows_by_transposed,
    share,
    sum_over_rows,
)

FEW = 1 << 22  # products of two numbers; below, one call of NumPy's BLAS is faster than the kernels


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


@matmul.kernel("numba")
def _(x, y):
    fits = x.ndim >= 2 and y.ndim >= 2 and x.shape[-1] == y.shape[-2]
    if not fits or not (y.ndim == 2 or x.shape[:-2] == y.shape[:-2]):
        return Declined("a vector, or axes that broadcast")
    if x.size * y.shape[-1] < FEW:
        return Declined("too small to share among threads")
    if not same_float(x, y):
        return Declined(MIXED)
    out = np.empty((*x.shape[:-1], y.shape[-1]), x.dtype)
    if y.ndim == 2:
        rows_by(rows(x), dense(y), rows(out), share(rows(x)))
    else:
        pairs(_pairs(x), _pairs(y), _pairs(out))
    return out


@matmul.vjp_kernel("numba")
def _(g, out, x, y):
    def for_x():
        d_x = np.empty(x.shape, x.dtype)
        if y.ndim == 2:
            rows_by_transposed(rows(g), dense(y), np.empty(0, x.dtype), rows(d_x), share(rows(g)))
        else:
            pairs_for_x(_pairs(g), _pairs(y), _pairs(d_x))
        return d_x

    def for_y():
        if y.ndim == 2:
            return sum_over_rows(rows(x), rows(g))[0]
        d_y = np.empty(y.shape, y.dtype)
        pairs_for_y(_pairs(g), _pairs(x), _pairs(d_y))
        return d_y

    return for_x, for_y


def _pairs(a):
    """The axes before the last two as one, in the form for a kernel."""
    return dense(a).reshape(-1, *a.shape[-2:])


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
    yield call(rng.normal(size=(2, 151, 127)), rng.normal(size=(127, 113)))
    yield call(rng.normal(size=(2, 3, 97, 83)), rng.normal(size=(2, 3, 83, 89)))


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


@linear.kernel("numba")
def _(x, weight, bias=None):
    fits = weight.ndim == 2 and x.ndim > 0 and x.shape[-1] == weight.shape[1]
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        return Declined("the shapes do not fit")
    if x.size * weight.shape[0] < FEW:
        return Declined("too small to share among threads")
    if not same_float(x, weight, bias):
        return Declined(MIXED)
    out, given = np.empty((*x.shape[:-1], weight.shape[0]), x.dtype), rows(x)
    bias = np.empty(0, x.dtype) if bias is None else dense(bias)
    rows_by_transposed(given, dense(weight), bias, rows(out), share(given))
    return out


@linear.vjp_kernel("numba")
def _(g, out, x, weight, bias=None):
    given, g = rows(x), rows(g)

    def for_x():
        d_x = np.empty(x.shape, x.dtype)
        rows_by(g, dense(weight), rows(d_x), share(g))
        return d_x

    both = functools.cache(lambda: sum_over_rows(g, given, with_sums=bias is not None))
    return for_x, lambda: both()[0], lambda: both()[1]


@linear.samples
def _(rng):
    yield call(rng.normal(size=(2, 149, 113)), rng.normal(size=(127, 113)), rng.normal(size=127))
    yield call(rng.normal(size=(283, 131)), rng.normal(size=(127, 131)))
    yield call(rng.normal(size=(2, 5, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7,)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(7, 3)))
    yield call(rng.normal(size=(0, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7,)))
