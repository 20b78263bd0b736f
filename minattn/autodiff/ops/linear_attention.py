"""Causal linear attention with decay as one node: time and memory grow with T, not with T x T."""

import functools

import numpy as np

from ...backends import Declined, recording, threads, xp
from ...errors import ArgumentError, ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor
from .kernel_math import dense, same_float
from .linear_attention_kernels import CHUNK, LEAST, linear_scan


def chunk_weights(decay, start, n, reverse):
    """Of n tokens from `start`: the table (.., n, n), what enters, what leaves (.., n, 1) and what stays.

    decay (B or 1, H or 1, T or 1). The equations stand in `linear_attention_kernels`.
    """
    here = decay[:, :, start : start + n] if decay.shape[2] > 1 else decay
    here = xp.broadcast_to(xp.maximum(here, LEAST), (*decay.shape[:2], n))
    log = xp.cumsum(here, axis=2)[..., None]
    gap = log - xp.swapaxes(log, -1, -2)
    table = xp.where(xp.tril(xp.ones((n, n), dtype=bool)), _exp(xp.minimum(gap, 0)), 0)
    past, rest, whole = _exp(log), _exp(log[:, :, -1:] - log), _exp(log[:, :, -1:])
    return (xp.swapaxes(table, -1, -2), rest, past, whole) if reverse else (table, past, rest, whole)


def _exp(x):
    """exp(x), exactly 0 below e ** -83: numbers near the smallest make processors slow."""
    return xp.where(x < -83, 0, xp.exp(xp.maximum(x, -83)))


def scan(q, k, v, decay, state, reverse=False):
    """out (B,H,T,dv) and the state (B,H,F,dv) after the last chunk; `reverse` goes from the last token back.

    Forward:  out_i = sum_{j <= i} a_{j+1} .. a_i (q_i . k_j) v_j + a_1 .. a_i q_i^T state
    Reverse:  out_j = sum_{i >= j} a_{j+1} .. a_i (q_j . k_i) v_i + a_{j+1} .. a_T q_j^T state
    """
    out = xp.empty((*q.shape[:3], v.shape[3]), dtype=v.dtype)
    starts = range(0, q.shape[2], CHUNK)
    for start in reversed(starts) if reverse else starts:
        here = (slice(None), slice(None), slice(start, start + CHUNK))
        queries, keys, values = q[here], k[here], v[here]
        table, enter, leave, whole = chunk_weights(decay, start, keys.shape[2], reverse)
        scores = xp.matmul(queries, xp.swapaxes(keys, -1, -2)) * table
        out[here] = xp.matmul(scores, values) + enter * xp.matmul(queries, state)
        state = whole * state + xp.matmul(xp.swapaxes(keys * leave, -1, -2), values)
    return out, state


def fast_scan(q, k, v, decay, state, reverse=False):
    """`scan` by the compiled kernel."""
    return over_columns(linear_scan, (q, k, decay), v, state, reverse)


def over_columns(kernel, given, v, state, reverse):
    """out and last state of kernel(*given, v, reverse, state, out), one turn of its loop for each head.

    The columns of v do not meet: where threads are more than heads, each takes some of a head's columns.
    """
    lead, heads, parts = v.shape[:2], v.shape[0] * v.shape[1], 1
    while heads * parts < threads() and v.shape[3] % (2 * parts) == 0:
        parts *= 2
    given = [dense(_on_all(a, lead)).reshape(heads, *a.shape[2:]) for a in given]
    state = np.array(_columns(state, parts))
    out = np.empty((heads * parts, v.shape[2], v.shape[3] // parts), v.dtype)
    kernel(*given, _columns(v, parts), reverse, state, out)
    return _joined(out, lead, parts), _joined(state, lead, parts)


def _on_all(x, lead):
    """x with the first two sizes `lead`; left alone where it has them, since a broadcast array is copied."""
    return x if x.shape[:2] == lead else np.broadcast_to(x, (*lead, *x.shape[2:]))


def _columns(x, parts):
    """(B, H, n, m) -> (B * H * parts, n, m / parts): each part of the columns like a head of its own."""
    x = x.reshape(-1, x.shape[2], parts, x.shape[3] // parts)
    return dense(x.swapaxes(1, 2)).reshape(-1, x.shape[1], x.shape[3])


def _joined(x, lead, parts):
    """`_columns` undone."""
    x = x.reshape(*lead, parts, *x.shape[1:])
    return x[:, :, 0] if parts == 1 else x.swapaxes(2, 3).reshape(*lead, x.shape[3], -1)


def _forward(scan, q, k, v, decay, state, carry):
    """What the primitive and its kernel share; the state at the end is kept for the decay's gradient."""
    out, last = scan(q, k, v, no_decay(q) if decay is None else decay, start_state(q, v, state))
    return xp.concatenate([out, last], axis=2) if carry else out, last


def no_decay(q):
    """A log decay of 0 everywhere."""
    return xp.zeros((1, 1, 1), dtype=q.dtype)


def start_state(k, v, state=None):
    """The state before the first token."""
    shape = (*k.shape[:2], k.shape[3], v.shape[3])
    return xp.zeros(shape, dtype=v.dtype) if state is None else state


def _backward(scan, g, last, q, k, v, decay, state, carry):
    """Three scans. dL/dq_i = sum_{j <= i} w_ij (g_i . v_j) k_j is linear attention with g for q and q for v;
    the sums for k and v run over later queries, so their scans go backwards and start from dL/d(last state).

    L_i, the log decay added up, stands in w_ij = exp(L_i - L_j) as often as q_i and, negative, as k_j:
    dL/dL_i = q_i . dq_i - k_i . dk_i, and dL/d(decay_t) is the sum over i >= t.
    """
    gates = no_decay(q) if decay is None else decay
    g, d_last = (g[:, :, : q.shape[2]], g[:, :, q.shape[2] :]) if carry else (g, start_state(k, v))

    @functools.cache
    def for_q():
        return scan(g, v, k, gates, xp.swapaxes(start_state(k, v, state), -1, -2))[0]

    @functools.cache
    def for_k():
        return scan(v, g, q, gates, xp.swapaxes(d_last, -1, -2), reverse=True)[0]

    @functools.cache
    def for_v():
        return scan(k, q, g, gates, d_last, reverse=True)

    def for_decay():
        log = xp.sum(q * for_q(), axis=-1) - xp.sum(k * for_k(), axis=-1)
        return suffix_sums(log) + xp.sum(d_last * last, axis=(-1, -2))[..., None]

    return (
        for_q,
        for_k,
        lambda: for_v()[0],
        None if decay is None else for_decay,
        None if state is None else lambda: for_v()[1],
    )


def suffix_sums(x):
    """out_t = sum_{i >= t} x_i over the last axis, added in float64."""
    return xp.cumsum(x[..., ::-1], axis=-1, dtype=xp.float64)[..., ::-1].astype(x.dtype)


@primitive(saves=True)
def _linear_attention(q, k, v, decay=None, state=None, carry=False):
    """The fused part of `linear_attention`; `carry` puts the last state below the rows of the output."""
    return _forward(scan, q, k, v, decay, state, carry)


@_linear_attention.vjp
def _(g, out, last, q, k, v, decay=None, state=None, carry=False):
    return _backward(scan, g, last, q, k, v, decay, state, carry)


@_linear_attention.kernel("numba")
def _(q, k, v, decay=None, state=None, carry=False):
    if 0 in (q.size, v.size):
        return Declined("nothing to do")
    if not same_float(q, k, v, decay, state):
        return Declined("not all float32 or all float64")
    return _forward(fast_scan, q, k, v, decay, state, carry)


@_linear_attention.vjp_kernel("numba")
def _(g, out, last, q, k, v, decay=None, state=None, carry=False):
    return _backward(fast_scan, g, last, q, k, v, decay, state, carry)


@_linear_attention.samples
def _(rng):
    q, k = rng.normal(size=(2, 2, 3, 37, 5))
    v, state = rng.normal(size=(2, 3, 37, 2)), rng.normal(size=(2, 3, 5, 2))
    yield call(q, k, v)
    yield call(q, k, v, -rng.random((2, 3, 37)), state, carry=True)
    yield call(q, k, v, -rng.random((1, 3, 1)), None, carry=True)
    yield call(q[:1, :1, :1], k[:1, :1, :1], v[:1, :1, :1], None, state[:1, :1])
    yield call(q[:, :, :0], k[:, :, :0], v[:, :, :0], None, state, carry=True)


def linear_attention(q, k, v, decay=None, state=None, carry=False):
    """Causal attention whose weights are products: a running sum replaces the T x T table of weights.

        S_t = a_t S_{t-1} + k_t v_t^T        out_t = q_t^T S_t
        out_i = sum_{j <= i} a_{j+1} .. a_i (q_i . k_j) v_j

    q, k   (B, H, T, F), features: nothing is normalised here
    v      (B, H, T, dv)
    decay  log a <= 0: (H,) one for each head, or (B, H, T) one for each token (sizes of 1 broadcast);
           None keeps everything. Below -100 counts as -100, where nothing is kept
    state  S before the first token, (B, H, F, dv); None is 0
    carry  also return the state after the last token, to go on from there
    Returns out (B, H, T, dv), or the pair (out, state). Raises ShapeError, ArgumentError.
    Source: arXiv 2006.16236, equations 9 to 12; with decay 2307.08621, section 2.

        >>> one = np.ones((1, 1, 3, 1))
        >>> linear_attention(one, one, one, decay=[np.log(0.5)]).numpy().ravel().tolist()
        [1.0, 1.5, 1.75]
    """
    q, k, v = as_tensor(q), as_tensor(k), as_tensor(v)
    decay, state = checked_extras("linear_attention", q, k, v, decay, state)
    both = _linear_attention(q, k, v, decay, state, carry=carry)
    return (both[:, :, : q.shape[2]], both[:, :, q.shape[2] :]) if carry else both


def checked_extras(name, q, k, v, decay, state):
    """decay (B or 1, H or 1, T or 1) and state as tensors; an error where something does not fit."""
    fits = q.ndim == v.ndim == 4 and q.shape == k.shape and q.shape[:3] == v.shape[:3]
    decay, state = (x if x is None else as_tensor(x) for x in (decay, state))
    if not fits or (state is not None and state.shape != (*q.shape[:2], q.shape[3], v.shape[3])):
        raise ShapeError(
            name,
            expected="q, k (B, H, T, F), v (B, H, T, dv), state (B, H, F, dv) or None",
            got=f"q {q.shape}, k {k.shape}, v {v.shape}, state {getattr(state, 'shape', None)}",
            hint="split heads first: x.reshape(B, T, H, d).swapaxes(1, 2)",
        )
    if decay is None:
        return None, state
    if decay.ndim == 1:
        decay = decay.reshape(1, -1, 1)
    if decay.ndim != 3 or any(n not in (1, m) for n, m in zip(decay.shape, q.shape)):
        raise ShapeError(
            name,
            expected=f"decay (H,) or (B, H, T) = {q.shape[:3]}, or 1 for a size",
            got=decay.shape,
            hint="one number a head: decay of shape (H,)",
        )
    if decay.data.size and not recording() and not float(xp.max(decay.data)) <= 0:
        raise ArgumentError(
            name, expected="the log of a decay, <= 0", got="numbers above 0, or nan", hint="-softplus(x)"
        )
    return decay, state
