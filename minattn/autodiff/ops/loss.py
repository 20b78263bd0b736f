"""Losses: how far predictions are from targets, as one number to make small."""

import numpy as np

from ...backends import Declined, jit, prange, recording, xp
from ...errors import ArgumentError, DTypeError, ShapeError
from ..primitive import call, primitive
from ..tensor import Tensor, as_tensor
from .elementwise import softplus
from .kernel_math import MIXED, dense, exp_sum, largest, same_float
from .reduce import mean


@primitive(saves=True)
def _cross_entropy(logits, targets, counted, smoothing=0.0):
    """The fused part of cross_entropy; `counted` is boolean, False = padding."""
    n, classes = logits.shape
    top = xp.max(logits, axis=1, keepdims=True)
    shifted = logits - top
    e = xp.exp(shifted)
    total = xp.sum(e, axis=1, keepdims=True)
    log_total = xp.log(total)[:, 0]
    loss = log_total - shifted[xp.arange(n), targets]
    if smoothing:
        loss = (1 - smoothing) * loss + smoothing * (log_total - xp.mean(shifted, axis=1))
    count = xp.maximum(xp.sum(counted), 1).astype(logits.dtype)
    return xp.sum(xp.where(counted, loss, 0)) / count, (e / total, count)


@_cross_entropy.vjp
def _(g, out, saved, logits, targets, counted, smoothing=0.0):
    probabilities, count = saved
    grad = probabilities - smoothing / logits.shape[1]
    grad[xp.arange(logits.shape[0]), targets] -= 1 - smoothing
    return grad * (counted[:, None] * (g / count)), None, None


@_cross_entropy.samples
def _(rng):
    counted = np.array([True, False, True, True, False, True, True])
    targets = rng.integers(0, 5, size=7)
    yield call(rng.normal(size=(7, 5)), targets, counted)
    yield call(rng.normal(size=(7, 5)), targets, counted, smoothing=0.1)
    yield call(rng.normal(size=(7, 5)) * 1e3, targets, np.zeros(7, dtype=bool))


@jit(parallel=True, fastmath=True)
def cross_entropy_rows(logits, targets, counted, smoothing, probabilities, losses):
    """Fills probabilities (N, V) and losses (N,) in float64, 0 in rows that do not count."""
    one = logits.dtype.type(1)
    for i in prange(logits.shape[0]):
        row = probabilities[i]
        row[:] = logits[i]
        top, mean, hit = largest(row), np.mean(row) if smoothing > 0 else row[0], row[targets[i]]
        total = exp_sum(row, top)
        row *= one / total
        loss = np.log(total) + top - (one - smoothing) * hit - smoothing * mean
        losses[i] = loss if counted[i] else 0


@jit(parallel=True, fastmath=True)
def cross_entropy_rows_backward(probabilities, targets, counted, smoothing, share, grad):
    """grad = (probabilities - smoothed targets) * share in rows that count, else 0."""
    one, rest = grad.dtype.type(1), smoothing / grad.dtype.type(grad.shape[1])
    for i in prange(grad.shape[0]):
        if counted[i]:
            for j in range(grad.shape[1]):
                grad[i, j] = (probabilities[i, j] - rest) * share
            grad[i, targets[i]] -= (one - smoothing) * share
        else:
            grad[i] = 0


@_cross_entropy.kernel("numba")
def _(logits, targets, counted, smoothing=0.0):
    if logits.size == 0:
        return Declined("there are no logits")
    if not same_float(logits):
        return Declined(MIXED)
    probabilities, real = np.empty(logits.shape, logits.dtype), logits.dtype.type
    count = real(max(np.count_nonzero(counted), 1))
    given = dense(logits), dense(targets.astype(np.int64, copy=False)), dense(counted)
    losses = np.empty(len(logits))
    cross_entropy_rows(*given, real(smoothing), probabilities, losses)
    return real(losses.sum() / count), (probabilities, count)


@_cross_entropy.vjp_kernel("numba")
def _(g, out, saved, logits, targets, counted, smoothing=0.0):
    probabilities, count = saved
    grad, real = np.empty(logits.shape, logits.dtype), logits.dtype.type
    given = probabilities, dense(targets.astype(np.int64, copy=False)), dense(counted)
    cross_entropy_rows_backward(*given, real(smoothing), real(g / count), grad)
    return grad, None, None


def cross_entropy(logits, targets, ignore=None, smoothing=0.0):
    """Mean of -log softmax(logits)[target] over the positions that count, in nats.

    logits     (.., V)
    targets    (..,) integers in 0..V-1
    ignore     a target id that does not count (padding); no position left gives 0
    smoothing  share of the target spread evenly over all V classes
    Raises ShapeError, DTypeError or ArgumentError where targets do not fit.

        >>> round(cross_entropy(np.zeros((1, 4)), np.array([2])).item(), 4)  # log 4
        1.3863
    """
    logits = as_tensor(logits)
    targets = targets.data if isinstance(targets, Tensor) else xp.asarray(targets)
    where, classes = "cross_entropy(logits, targets)", logits.shape[-1]
    if targets.shape != logits.shape[:-1]:
        raise ShapeError(
            where,
            expected=f"targets {logits.shape[:-1]}",
            got=targets.shape,
            hint="logits (.., V), targets (..,)",
        )
    if targets.dtype.kind not in "iu":
        raise DTypeError(
            where, expected="integer class ids", got=f"dtype {targets.dtype}", hint=".astype(int)"
        )
    flat = targets.reshape(-1)
    counted = xp.ones(flat.shape, dtype=bool) if ignore is None else flat != ignore
    flat = xp.where(counted, flat, 0)
    if flat.size and not recording() and (int(flat.min()) < 0 or int(flat.max()) >= classes):
        raise ArgumentError(
            where,
            expected=f"targets in 0..{classes - 1}",
            got=f"{int(flat.min())}..{int(flat.max())}",
            hint="ignore=ID leaves padding out",
        )
    return _cross_entropy(logits.reshape(-1, classes), flat, counted, smoothing=smoothing)


def binary_cross_entropy(logits, targets):
    """Mean of -[t log s(x) + (1 - t) log(1 - s(x))] with s the sigmoid; targets in [0, 1], logits' shape."""
    logits, targets = as_tensor(logits), as_tensor(targets)
    return mean(softplus(logits) - logits * targets)


def mse(prediction, target):
    """Mean of (prediction - target)^2."""
    away = as_tensor(prediction) - target
    return mean(away * away)
