"""Functions from scores to distributions. A mask is boolean, True = may take part; an empty row gives 0."""

import numpy as np

from ...backends import xp
from ..primitive import call, primitive


def _shifted(x, mask, axis):
    """x minus its largest allowed element (so that exp cannot overflow), -inf where not allowed."""
    if mask is not None:
        x = xp.where(mask, x, -np.inf)
    top = xp.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = xp.where(xp.isfinite(top), top, 0)
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
    mask = rng.random((3, 5)) < 0.6
    mask[1] = False
    yield call(rng.normal(size=(2, 3, 5)), mask)


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
    yield call(rng.normal(size=(2, 3, 5)) * 1e4, axis=-2)


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
    x = xp.moveaxis(x, axis, -1)
    if mask is not None:
        mask = xp.moveaxis(xp.broadcast_to(mask, xp.broadcast_shapes(mask.shape, x.shape)), axis, -1) if (
            axis not in (-1, x.ndim - 1)
        ) else mask
        x = xp.where(mask, x, -np.inf)
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
    yield call(rng.normal(size=(2, 5, 3)), axis=-2)
    mask = rng.random((3, 5)) < 0.6
    mask[1] = False
    yield call(rng.normal(size=(2, 3, 5)), mask)
