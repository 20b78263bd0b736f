"""Scaled dot-product attention as one node."""

import math

import numpy as np

from ...backends import Declined, dispatch, threads, xp
from ..primitive import call, primitive
from ..tensor import Tensor, as_array, as_tensor
from .attention_checks import check, check_window
from .attention_kernels import attention_backward, attention_forward
from .kernel_math import dense, same_float
from .softmax import softmax


def tables(n_q, n_keys, mask=None, bias=None, radial=None, band=None):
    """The same mask and bias as arrays that broadcast against (B, H, T, S), or None."""
    if radial is None and band is None:
        return mask, bias
    away = xp.arange(n_keys)[None, :] - xp.arange(n_q)[:, None]  # key - query
    if radial is not None:
        by_pair = xp.take(radial, n_keys - 1 - away, axis=1)
        bias = by_pair if bias is None else bias + by_pair
    if band is not None:
        near = (away >= band[0]) & (away <= band[1])
        mask = near if mask is None else mask & near
    return mask, bias


def _grouped(x, n):
    """(B, H, .., ..) as (B, n, H / n, .., ..): heads that share a key head stand together."""
    return x.reshape(x.shape[0], n, x.shape[1] // max(n, 1), *x.shape[2:])


@primitive(saves=True)
def _attention(q, k, v, mask=None, bias=None, radial=None, band=None, scale=1.0):
    """The fused part of `attention`; keeps the weights for the derivative.

    radial   (H or 1, T + S - 1), a bias by distance: radial[h, i - j + S - 1]
    band     (low, high): allowed are the keys with low <= j - i <= high; None = all
    """
    weights = softmax.forward(_scores(q, k, mask, bias, radial, band, scale))
    out = xp.matmul(_grouped(weights, k.shape[1]), v[:, :, None])
    return out.reshape(*q.shape[:3], v.shape[3]), weights


def _scores(q, k, mask, bias, radial, band, scale):
    """(B, H, T, S), -inf where forbidden."""
    mask, bias = tables(q.shape[2], k.shape[2], mask, bias, radial, band)
    scores = xp.matmul(_grouped(q * scale, k.shape[1]), xp.swapaxes(k, -1, -2)[:, :, None])
    scores = scores.reshape(*q.shape[:3], k.shape[2])
    scores = scores if bias is None else scores + bias
    return scores if mask is None else xp.where(mask, scores, -np.inf)


@_attention.vjp
def _(g, out, weights, q, k, v, mask=None, bias=None, radial=None, band=None, scale=1.0):
    n, g_by_group, by_group = k.shape[1], _grouped(g, k.shape[1]), _grouped(weights, k.shape[1])
    away = xp.matmul(g_by_group, xp.swapaxes(v, -1, -2)[:, :, None])
    along = _grouped(xp.sum(g * out, axis=-1, keepdims=True), n)
    scores = by_group * (away - along) * scale
    return (
        lambda: xp.matmul(scores, k[:, :, None]).reshape(q.shape),
        lambda: xp.sum(xp.matmul(xp.swapaxes(scores, -1, -2), _grouped(q, n)), axis=2),
        lambda: xp.sum(xp.matmul(xp.swapaxes(by_group, -1, -2), g_by_group), axis=2),
        None,
        None,
        None,
    )


def _refused(q, k, v):
    """Why the kernels do not know the arguments, or None."""
    if not q.shape[0] == k.shape[0] == v.shape[0] or k.shape[1] != v.shape[1]:
        return Declined("one batch for all queries")
    if 0 in (q.size, k.size, v.size):
        return Declined("an empty array")
    return None if same_float(q, k, v) else Declined("not all float32, or all float64")


@_attention.kernel("numba")
def _(q, k, v, mask=None, bias=None, radial=None, band=None, scale=1.0):
    if refused := _refused(q, k, v):
        return refused
    arrays, swapped = _as_they_lie(q, k, v)
    out = np.empty((*q.shape[:3], v.shape[3]), q.dtype)
    if swapped[2]:
        out = np.empty((q.shape[0], q.shape[2], q.shape[1], v.shape[3]), q.dtype).swapaxes(1, 2)
    lse = np.empty(q.shape[:3], q.dtype)
    to = out.swapaxes(1, 2) if swapped[2] else out
    rules, parts = _rules(q, k, mask, bias, radial, band), _parts(q.shape[0] * q.shape[1])
    attention_forward(*arrays, swapped, rules, q.dtype.type(scale), to, lse, parts)
    return out, lse


@_attention.vjp_kernel("numba")
def _(g, out, lse, q, k, v, mask=None, bias=None, radial=None, band=None, scale=1.0):
    arrays, swapped = _as_they_lie(g, out, q, k, v)
    grads = [np.empty(a.shape, a.dtype) for a in arrays[2:]]
    parts = _parts(k.shape[0] * k.shape[1])
    d_q = grads[0][None] if parts == 1 else np.empty((parts, *grads[0].shape), q.dtype)
    rules = _rules(q, k, mask, bias, radial, band)
    attention_backward(*arrays[:2], lse, *arrays[2:], swapped, rules, q.dtype.type(scale), d_q, *grads[1:])
    if parts > 1:
        np.sum(d_q, axis=0, out=grads[0])
    turned = (a.swapaxes(1, 2) if other else a for a, other in zip(grads, swapped[2:]))
    return *turned, None, None, None


def _as_they_lie(*arrays):
    """Arrays in memory order, and which of them are (B, T, H, d) there, as a projection splits heads."""
    swapped = tuple(a.swapaxes(1, 2).flags.carray and not a.flags.carray for a in arrays)
    return [a.swapaxes(1, 2) if other else dense(a) for a, other in zip(arrays, swapped)], swapped


def _rules(q, k, mask, bias, radial, band):
    """(mask, bias, radial, low, high) in the one form for the kernels."""
    n_q, n_keys, kind = q.shape[2], k.shape[2], q.dtype
    radial = np.empty((1, 0), kind) if radial is None else dense(radial.astype(kind, copy=False))
    low, high = (-n_q, n_keys) if band is None else band
    return _four_axes(mask, n_keys, bool), _four_axes(bias, n_keys, kind), radial, low, high


def _four_axes(extra, n_keys, dtype):
    """A mask or bias with four axes, all keys along the last; empty for None."""
    if extra is None:
        return np.empty((1, 1, 0, 0), dtype)
    extra = extra.reshape((1,) * (4 - extra.ndim) + extra.shape).astype(dtype, copy=False)
    return dense(np.broadcast_to(extra, (*extra.shape[:3], n_keys)))


def _parts(heads):
    """Into how many parts the work of each head is cut, so that every thread has the same share."""
    n = threads()
    return 1 if heads % n == 0 or heads >= 4 * n else n


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
    yield call(q, k[:, :1], v[:, :1], None, None, rng.normal(size=(3, 15)), band=(2, 5), scale=0.4)
    yield call(q, k, v, causal, None, rng.normal(size=(1, 15)), band=(-9, 0))


def attention(q, k, v, mask=None, bias=None, scale=None, *, window=None, radial=None):
    """softmax(scale q k^T + bias, mask) v.

    q       (B, H, T, d)
    k       (B, Hk, S, d); Hk divides H: so many query heads in a row share a key head
    v       (B, Hk, S, dv)
    mask    boolean, broadcasts against (B, H, T, S); True = may attend. None allows all
    bias    numbers added to the scores, broadcast against (B, H, T, S); no gradient flows to it
    scale   default 1/sqrt(d)
    window  (left, right): query i may attend to the keys i - left .. i + right, None = no bound; (None, 0) is
            causal. Where n keys stand before the first query: (left - n, right + n)
    radial  (H or 1, T + S - 1), a bias by distance: radial[h, i - j + S - 1] is added to score (i, j)
    Returns (B, H, T, dv). A row that may attend nowhere gives zeros and gets no gradient.
    The numba backend goes over the keys in tiles, past what `window` forbids, and never holds all weights.
    Raises ShapeError or DTypeError where the arguments do not fit, ArgumentError where `bias` or `radial`
    wants a gradient. Source: arXiv 1706.03762, equation 1.

        >>> q, v = np.zeros((1, 1, 1, 2)), np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
        >>> attention(q, np.zeros((1, 1, 2, 2)), v).item()  # equal scores: the mean
        2.0
    """
    args, static = _arguments(q, k, v, mask, bias, scale, window, radial)
    return _attention(*args, **static)


def attention_and_lse(q, k, v, **given):
    """`attention`, without gradient, and lse (B, H, T): the log of each query's sum of exp(scores).

    Keys can be attended to in pieces: the whole is the mean of the pieces' outputs, weighted by
    softmax(their lse). A row that may attend nowhere has lse = -inf. Arguments as in `attention`.

        >>> q, v = np.zeros((1, 1, 1, 2)), np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
        >>> out, lse = attention_and_lse(q, np.zeros((1, 1, 2, 2)), v)
        >>> round(lse.item(), 4)  # log 2
        0.6931
    """
    args, static = _arguments(q, k, v, **given)
    arrays = [a.data if isinstance(a, Tensor) else a for a in args]
    made = dispatch.run("attention", *arrays, **static)
    if not isinstance(made, Declined):
        out, lse = made
        return as_tensor(out), as_tensor(xp.where(lse == np.inf, -np.inf, lse))
    out, weights = _attention.forward(*arrays, **static)
    if weights.shape[-1] == 0:
        return as_tensor(out), as_tensor(xp.zeros(q.shape[:3], dtype=q.dtype) - np.inf)
    largest = xp.max(weights, axis=-1)  # exp(the largest score - lse)
    top = xp.max(_scores(*arrays[:2], *arrays[3:], **static), axis=-1)
    return as_tensor(out), as_tensor(top - xp.log(xp.where(largest == 0, 1, largest)))


def _arguments(q, k, v, mask=None, bias=None, scale=None, window=None, radial=None):
    """The arguments of the primitive, checked."""
    q, k, v = as_tensor(q), as_tensor(k), as_tensor(v)
    mask = mask.data if isinstance(mask, Tensor) else mask if mask is None else xp.asarray(mask)
    bias, radial = (x if x is None or isinstance(x, Tensor) else as_array(x) for x in (bias, radial))
    check(q, k, v, mask, bias, radial)
    scale = 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else float(scale)
    band = None if window is None else _band(*check_window(window), q.shape[2], k.shape[2])
    return (q, k, v, mask, bias, radial), {"scale": scale, "band": band}


def _band(left, right, n_q, n_keys):
    """(low, high) with low <= key - query <= high for what a window allows; None where that is all."""
    low = -n_q if left is None else math.ceil(min(max(-left, -n_q), n_keys))
    high = n_keys if right is None else math.floor(min(max(right, -n_q), n_keys))
    return None if low <= 1 - n_q and high >= n_keys - 1 else (low, high)
