"""Scaled dot-product attention as one node."""

import math

import numpy as np

from ...backends import jit, prange, xp
from ...errors import ArgumentError, DTypeError, ShapeError
from ..primitive import call, primitive
from ..tensor import Tensor, as_tensor
from .attention_kernels import attention_backward, attention_forward
from .kernel_math import dense, rows, same_float
from .softmax import mask_rows, softmax, softmax_rows, softmax_rows_backward


@primitive(saves=True)
def _attention(q, k, v, mask=None, bias=None, scale=1.0):
    """The fused part of `attention`; keeps the weights for the derivative."""
    scores = xp.matmul(q * scale, xp.swapaxes(k, -1, -2))
    if bias is not None:
        scores = scores + bias
    weights = softmax.forward(scores, mask)
    return xp.matmul(weights, v), weights


@_attention.vjp
def _(g, out, weights, q, k, v, mask=None, bias=None, scale=1.0):
    away = xp.matmul(g, xp.swapaxes(v, -1, -2))
    scores = weights * (away - xp.sum(g * out, axis=-1, keepdims=True)) * scale
    return (
        lambda: xp.matmul(scores, k),
        lambda: xp.matmul(xp.swapaxes(scores, -1, -2), q),
        lambda: xp.matmul(xp.swapaxes(weights, -1, -2), g),
        None,
        None,
    )


FEW_KEYS = 128  # up to here weights are kept: it is cheap, and faster than making them again


def _covered(q, k, v):
    """True where the kernels know the arguments: one batch, one head count, nothing empty."""
    lead = q.shape[:2] == k.shape[:2] == v.shape[:2]
    return lead and q.size > 0 and k.size > 0 and v.size > 0 and same_float(q, k, v)


@_attention.kernel("numba")
def _(q, k, v, mask=None, bias=None, scale=1.0):
    if not _covered(q, k, v):
        return NotImplemented
    if k.shape[2] <= FEW_KEYS:
        return _few_keys_forward(q, k, v, mask, bias, scale)
    out, lse = np.zeros((*q.shape[:3], v.shape[3]), q.dtype), np.empty(q.shape[:3], q.dtype)
    extras = _keys_first(mask, k.shape[2], bool), _keys_first(bias, k.shape[2], q.dtype)
    attention_forward(dense(q), dense(k), dense(v), *extras, q.dtype.type(scale), out, lse)
    return out, lse


@_attention.vjp_kernel("numba")
def _(g, out, saved, q, k, v, mask=None, bias=None, scale=1.0):
    if saved.ndim == 4:
        return _few_keys_backward(g, saved, q, k, v, scale)
    grads = [np.zeros(a.shape, a.dtype) for a in (q, k, v)]
    given = [dense(a) for a in (g, out, saved, q, k, v)]
    extras = _keys_first(mask, k.shape[2], bool), _keys_first(bias, k.shape[2], q.dtype)
    attention_backward(*given, *extras, q.dtype.type(scale), *grads)
    return *grads, None, None


def _keys_first(extra, n_keys, dtype):
    """A mask or bias for the kernels: four axes, keys before queries, all keys there; empty for None."""
    if extra is None:
        return np.empty((0, 0, 0, 0), dtype)
    extra = extra.reshape((1,) * (4 - extra.ndim) + extra.shape).swapaxes(2, 3)
    extra = np.broadcast_to(extra, (*extra.shape[:2], n_keys, extra.shape[3]))
    return dense(extra.astype(dtype, copy=False))


@jit(parallel=True)
def few_keys_out(weights, v, out):
    """out = weights v, for each head by itself; all (heads, .., ..)."""
    for i in prange(out.shape[0]):
        np.dot(weights[i], v[i], out[i])


@jit(parallel=True)
def few_keys_scores(x, y, out):
    """out = x y^T, for each head by itself."""
    for i in prange(out.shape[0]):
        np.dot(x[i], y[i].T, out[i])


@jit(parallel=True)
def few_keys_grads(scores, weights, g, q, k, d_q, d_k, d_v):
    """d_q = scores k, d_k = scores^T q, d_v = weights^T g, for each head by itself."""
    for i in prange(q.shape[0]):
        np.dot(scores[i], k[i], d_q[i])
        np.dot(scores[i].T, q[i], d_k[i])
        np.dot(weights[i].T, g[i], d_v[i])


def _heads(array):
    """(B, H, T, d) as (B * H, T, d), for a kernel."""
    return dense(array).reshape(-1, *array.shape[2:])


def _few_keys_forward(q, k, v, mask, bias, scale):
    weights = np.empty((*q.shape[:3], k.shape[2]), q.dtype)
    few_keys_scores(_heads(q * q.dtype.type(scale)), _heads(k), _heads(weights))
    if bias is not None:
        weights += bias
    # In place: fresh memory costs more than the arithmetic.
    softmax_rows(rows(weights), mask_rows(mask, weights.shape), rows(weights))
    out = np.empty((*q.shape[:3], v.shape[3]), q.dtype)
    few_keys_out(_heads(weights), _heads(v), _heads(out))
    return out, weights


def _few_keys_backward(g, weights, q, k, v, scale):
    scores, g = np.empty(weights.shape, weights.dtype), _heads(g)
    few_keys_scores(g, _heads(v), _heads(scores))
    softmax_rows_backward(rows(scores), rows(weights), rows(scores))
    scores *= scale
    d_q, d_k, d_v = (np.empty(a.shape, a.dtype) for a in (q, k, v))
    grads = _heads(d_q), _heads(d_k), _heads(d_v)
    few_keys_grads(_heads(scores), _heads(weights), g, _heads(q), _heads(k), *grads)
    return d_q, d_k, d_v, None, None


@_attention.samples
def _(rng):
    q, k, v = rng.normal(size=(2, 3, 5, 7)), rng.normal(size=(2, 3, 11, 7)), rng.normal(size=(2, 3, 11, 2))
    causal = np.arange(11) <= np.arange(5)[:, None] + 3
    causal[2] = False
    yield call(q, k, v, scale=0.4)
    yield call(q, k, v, causal, None, scale=0.4)
    yield call(q, k, v, rng.random((2, 1, 1, 11)) < 0.7, rng.normal(size=(3, 5, 11)), scale=0.4)
    yield call(q * 1e2, k, v, None, rng.normal(size=(1, 11)), scale=1.0)
    yield call(q[:0], k[:0], v[:0])
    yield call(q, k[:, :, :0], v[:, :, :0])


def attention(q, k, v, mask=None, bias=None, scale=None):
    """softmax(scale q k^T + bias, mask) v.

    q      (B, H, T, d)
    k      (B, H, S, d)
    v      (B, H, S, dv)
    mask   boolean, broadcasts against (B, H, T, S); True = may attend. None allows all
    bias   numbers added to the scores, broadcast against (B, H, T, S); no gradient flows to it
    scale  default 1/sqrt(d)
    Returns (B, H, T, dv). A row that may attend nowhere gives zeros and gets no gradient.
    The numba backend goes over more than 128 keys in tiles and never holds all weights.
    Raises ShapeError or DTypeError where the arguments do not fit, ArgumentError where `bias` wants a
    gradient. Source: arXiv 1706.03762, equation 1.

        >>> q, v = np.zeros((1, 1, 1, 2)), np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
        >>> attention(q, np.zeros((1, 1, 2, 2)), v).item()  # equal scores: the mean
        2.0
    """
    q, k, v = as_tensor(q), as_tensor(k), as_tensor(v)
    mask = mask.data if isinstance(mask, Tensor) else mask if mask is None else xp.asarray(mask)
    _check(q, k, v, mask, bias)
    scale = 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else float(scale)
    return _attention(q, k, v, mask, bias, scale=scale)


def _check(q, k, v, mask, bias):
    where = "attention(q, k, v)"
    fits = q.ndim == k.ndim == v.ndim == 4 and q.shape[-1] == k.shape[-1] and k.shape[-2] == v.shape[-2]
    if not fits:
        raise ShapeError(
            where,
            expected="q (B, H, T, d), k (B, H, S, d), v (B, H, S, dv)",
            got=f"q {q.shape}, k {k.shape}, v {v.shape}",
            hint="split heads first: x.reshape(B, T, H, d).swapaxes(1, 2)",
        )
    if mask is not None and mask.dtype != bool:
        raise DTypeError(
            where, expected="a boolean mask, True = may attend", got=f"dtype {mask.dtype}", hint="mask > 0"
        )
    scores = (*q.shape[:3], k.shape[2])
    for name, extra in (("mask", mask), ("bias", bias)):
        shape = getattr(extra, "shape", ())
        if len(shape) > 4 or any(n not in (1, m) for n, m in zip(shape[::-1], scores[::-1])):
            raise ShapeError(
                where,
                expected=f"a {name} that broadcasts against (B, H, T, S) = {scores}",
                got=f"{name} {shape}",
                hint="a mask (B, S) of valid keys becomes mask[:, None, None, :]",
            )
    if isinstance(bias, Tensor) and bias.requires_grad:
        raise ArgumentError(
            where,
            expected="a bias without gradient",
            got="a tensor with requires_grad",
            hint="softmax(q @ k.swapaxes(-1, -2) * scale + bias, mask) @ v, or bias.detach()",
        )
