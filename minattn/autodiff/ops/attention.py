"""Scaled dot-product attention as one node."""

import math

import numpy as np

from ...backends import xp
from ...errors import ArgumentError, DTypeError, ShapeError
from ..primitive import call, primitive
from ..tensor import Tensor, as_tensor
from .softmax import softmax


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
    Raises ShapeError or DTypeError where the arguments do not fit, ArgumentError where `bias` wants a
    gradient. Source: arXiv 1706.03762, equation 1.

        >>> q, v = np.zeros((1, 1, 1, 2)), np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
        >>> attention(q, np.zeros((1, 1, 2, 2)), v).item()  # equal scores: the mean
        2.0
    """
    q, k, v = as_tensor(q), as_tensor(k), as_tensor(v)
    mask = mask.data if isinstance(mask, Tensor) else mask
    _check(q, k, v, mask, bias)
    if mask is not None:
        mask = xp.asarray(mask)
    return _attention(q, k, v, mask, bias, scale=float(1 / math.sqrt(q.shape[-1]) if scale is None else scale))


def _check(q, k, v, mask, bias):
    where, shapes = "attention(q, k, v)", f"q {q.shape}, k {k.shape}, v {v.shape}"
    fits = q.ndim == k.ndim == v.ndim == 4 and q.shape[-1] == k.shape[-1] and k.shape[-2] == v.shape[-2]
    if not fits:
        raise ShapeError(
            where,
            expected="q (B, H, T, d), k (B, H, S, d), v (B, H, S, dv)",
            got=shapes,
            hint="split heads first: x.reshape(B, T, H, d).swapaxes(1, 2)",
        )
    if mask is not None and np.dtype(getattr(mask, "dtype", type(mask))) != bool:
        raise DTypeError(
            where, expected="a boolean mask, True = may attend", got=f"dtype {mask.dtype}", hint="mask > 0"
        )
    if isinstance(bias, Tensor) and bias.requires_grad:
        raise ArgumentError(
            where,
            expected="a bias without gradient",
            got="a tensor with requires_grad",
            hint="softmax(q @ k.swapaxes(-1, -2) * scale + bias, mask) @ v, or bias.detach()",
        )
