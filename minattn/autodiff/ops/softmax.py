"""Functions from scores to distributions. A mask is boolean, True = may take part; an empty row gives 0."""

import numpy as np

from ...backends import Declined, jit, prange, xp
from ..primitive import call, primitive
from .kernel_math import MIXED, exp_sum, largest, rows, same_float


def _shifted(x, mask, axis):
    """x minus its largest allowed element (so that exp cannot overflow), -inf where not allowed."""
    if mask is not None:
        x = xp.where(mask, x, -np.inf)
    if x.shape[axis] == 0:  # nothing to take the largest of
        return x, xp.sum(x, axis=axis, keepdims=True)
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(top == -np.inf, 0, top)
    return x - top, top


@primitive
def softmax(x, mask=None, axis=-1):
    """exp(x) / sum exp(x) along `axis`, over the elements that `mask` allows.

    x      any shape
    mask   boolean, broadcasts against x; True = takes part. None allows all
    Returns x's shape: rows sum to 1; a row that allows nothing is 0.

        >>> softmax(np.array([[0.0, 0.0, 7.0]]), np.array([True, True, False])).numpy().tolist()
        [[0.5, 0.5, 0.0]]
    """
    shifted, _ = _shifted(x, mask, axis)
    e = xp.exp(shifted)
    total = xp.sum(e, axis=axis, keepdims=True)
    return e / xp.where(total == 0, 1, total)


@softmax.vjp
def _(g, out, x, mask=None, axis=-1):
    return out * (g - xp.sum(g * out, axis=axis, keepdims=True)), None


@softmax.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)) * 1e4, axis=-2)
    yield call(rng.normal(size=(0, 5)))
    yield call(rng.normal(size=(3, 0)))
    mask = rng.random((3, 5)) < 0.6
    mask[1] = False
    yield call(rng.normal(size=(2, 3, 5)), mask)


@jit(parallel=True, fastmath=True)
def softmax_rows(x, mask, out):
    """Softmax of each row of x (N, n); mask (M, n) repeats every M rows, or is empty: all take part."""
    never, one = x.dtype.type(-np.inf), x.dtype.type(1)
    for i in prange(x.shape[0]):
        row = out[i]
        for j in range(row.size):
            row[j] = x[i, j]
        if mask.size > 0:
            allowed = mask[i % mask.shape[0]]
            for j in range(row.size):
                row[j] = row[j] if allowed[j] else never
        top = largest(row)
        if top == never:
            row[:] = 0
        else:
            row *= one / exp_sum(row, top)


@jit(parallel=True, fastmath=True)
def softmax_rows_backward(g, out, grad):
    """grad = out * (g - sum(g * out)), row by row."""
    for i in prange(g.shape[0]):
        along = g.dtype.type(0)
        for j in range(g.shape[1]):
            along += g[i, j] * out[i, j]
        for j in range(g.shape[1]):
            grad[i, j] = out[i, j] * (g[i, j] - along)


def mask_rows(mask, shape):
    """A mask for softmax_rows over an array of `shape`; one that the first axes share stays small."""
    if mask is None:
        return np.empty((0, 0), bool)
    while mask.ndim > 1 and mask.shape[0] == 1:
        mask = mask[0]
    whole = mask.ndim > 0 and mask.shape == shape[len(shape) - mask.ndim :]
    return rows(mask if whole else np.broadcast_to(mask, shape))


@softmax.kernel("numba")
def _(x, mask=None, axis=-1):
    mask = None if mask is None else np.asarray(mask)
    fits = mask is None or np.broadcast_shapes(mask.shape, x.shape) == x.shape
    if x.size == 0 or not fits:
        return Declined("x is empty, or the mask has more axes")
    if x.ndim == 0 or axis % x.ndim != x.ndim - 1:
        return Declined("not along the last axis")
    if not same_float(x):
        return Declined(MIXED)
    out = np.empty(x.shape, x.dtype)
    softmax_rows(rows(x), mask_rows(mask, x.shape), rows(out))
    return out


@softmax.vjp_kernel("numba")
def _(g, out, x, mask=None, axis=-1):
    grad = np.empty(out.shape, out.dtype)
    softmax_rows_backward(rows(g), rows(out), grad.reshape(-1, x.shape[-1]))
    return grad, None


@primitive
def log_softmax(x, axis=-1):
    """log(softmax(x)) without forming the small numbers first."""
    shifted, _ = _shifted(x, None, axis)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


@log_softmax.vjp
def _(g, out, x, axis=-1):
    return (g - xp.exp(out) * xp.sum(g, axis=axis, keepdims=True),)


@log_softmax.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)) * 1e2, axis=-2)


@primitive
def logsumexp(x, axis=-1, keepdims=False):
    """log(sum(exp(x))) along `axis`, a smooth maximum."""
    shifted, top = _shifted(x, None, axis)
    out = xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True)) + top
    return out if keepdims else xp.squeeze(out, axis=axis)


@logsumexp.vjp
def _(g, out, x, axis=-1, keepdims=False):
    if not keepdims:
        g, out = xp.expand_dims(g, axis), xp.expand_dims(out, axis)
    return (g * xp.exp(x - out),)


@logsumexp.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)), axis=-2, keepdims=True)


@primitive
def sparsemax(x, mask=None, axis=-1):
    """The distribution nearest to x: argmin over p of ||p - x||^2, p >= 0, sum p = 1. Has exact zeros.

    x, mask as in `softmax`. The answer is max(x - tau, 0) with tau chosen so that the row sums to 1.
    Source: arXiv 1602.02068, algorithm 1.

        >>> sparsemax(np.array([1.0, 1.0, -1.0])).numpy().tolist()
        [0.5, 0.5, 0.0]
    """
    x = xp.moveaxis(x if mask is None else xp.where(mask, x, -np.inf), axis, -1)
    if x.size == 0:
        return xp.moveaxis(x, -1, axis)
    top = xp.max(x, axis=-1, keepdims=True)
    x = x - xp.where(xp.isfinite(top), top, 0)
    low = xp.where(xp.isfinite(x), x, -2)  # the largest is 0, so nothing below -1 can take part
    z = xp.flip(xp.sort(low, axis=-1), axis=-1)
    sums = xp.cumsum(z, axis=-1)
    k = xp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    support = xp.sum(1 + k * z > sums, axis=-1, keepdims=True)
    tau = (xp.take_along_axis(sums, support - 1, axis=-1) - 1) / support.astype(x.dtype)
    out = xp.maximum(x - tau, 0)
    return xp.moveaxis(out, -1, axis)


@sparsemax.vjp
def _(g, out, x, mask=None, axis=-1):
    support = out > 0
    size = xp.maximum(xp.sum(support, axis=axis, keepdims=True), 1)
    mean = xp.sum(xp.where(support, g, 0), axis=axis, keepdims=True) / size
    return xp.where(support, g - mean, 0), None


@sparsemax.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 0)))
    yield call(rng.normal(size=(2, 5, 3)), axis=-2)
    mask = rng.random((3, 5)) < 0.6
    mask[1] = False
    yield call(rng.normal(size=(2, 3, 5)), mask)
