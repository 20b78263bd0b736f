"""The delta rule as one node: linear attention whose values are first corrected by what the state knows."""

import functools

from ...backends import Declined, xp
from ...errors import ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor
from .delta_rule_kernels import delta_scan
from .kernel_math import same_float
from .linear_attention import (
    CHUNK,
    checked_extras,
    chunk_weights,
    fast_scan,
    no_decay,
    over_columns,
    scan,
    start_state,
    suffix_sums,
)


def correct(k, v, beta, decay, state, reverse=False):
    """r_i = v_i - a_i S_{i-1}^T k_i with S_i = a_i S_{i-1} + beta_i k_i r_i^T: (B,H,T,dv), and the last S.

    Within a chunk that starts from S, r_i = v_i - e^(L_i) S^T k_i - sum_{j < i} w_ij (k_i . k_j) beta_j r_j.
    `reverse` does the same from the last token back, with the weights of a reverse scan.
    """
    out, beta = xp.empty(v.shape, dtype=v.dtype), beta[..., None]
    starts = range(0, k.shape[2], CHUNK)
    for start in reversed(starts) if reverse else starts:
        here = (slice(None), slice(None), slice(start, start + CHUNK))
        keys, rates = k[here], beta[here]
        n = keys.shape[2]
        table, enter, leave, whole = chunk_weights(decay, start, n, reverse)
        scores = xp.matmul(keys, xp.swapaxes(keys * rates, -1, -2)) * table
        rows = v[here] - enter * xp.matmul(keys, state)
        for i in reversed(range(n)) if reverse else range(n):
            done = slice(i + 1, n) if reverse else slice(i)
            rows[:, :, i : i + 1] -= xp.matmul(scores[:, :, i : i + 1, done], rows[:, :, done])
        out[here] = rows
        state = whole * state + xp.matmul(xp.swapaxes(keys * rates * leave, -1, -2), rows)
    return out, state


def fast_correct(k, v, beta, decay, state, reverse=False):
    """`correct` by the compiled kernel."""
    return over_columns(delta_scan, (k, beta, decay), v, state, reverse)


def _forward(ways, q, k, v, beta, decay, state, carry):
    """With u = beta r for values, the rule is linear attention. Kept: the last state and r."""
    scan, correct = ways
    gates, start = no_decay(q) if decay is None else decay, start_state(k, v, state)
    rest, _ = correct(k, v, beta, gates, start)
    out, last = scan(q, k, beta[..., None] * rest, gates, start)
    return xp.concatenate([out, last], axis=2) if carry else out, (last, rest)


def _backward(ways, g, saved, q, k, v, beta, decay, state, carry):
    """u_i acts on the outputs as a value of linear attention does, and on every later r through its key:

        du_j = sum_{i >= j} w_ij (k_j . q_i) g_i - sum_{i > j} w_ij (k_j . k_i) beta_i du_i

    which is `correct` from the last token back. dv = beta du = e; each key is read at its own token (with -e
    for g) and found by later queries and keys. L is read and found as in linear attention.
    """
    scan, correct = ways
    last, rest = saved
    gates, start = no_decay(q) if decay is None else decay, start_state(k, v, state)
    g, d_last = (g[:, :, : q.shape[2]], g[:, :, q.shape[2] :]) if carry else (g, start_state(k, v))
    turned, d_turned = xp.swapaxes(start, -1, -2), xp.swapaxes(d_last, -1, -2)
    from_outputs, d_start = scan(k, q, g, gates, d_last, reverse=True)
    du, from_keys = correct(k, from_outputs, beta, gates, xp.zeros_like(start), reverse=True)
    u, e = beta[..., None] * rest, beta[..., None] * du

    @functools.cache
    def for_q():
        return scan(g, u, k, gates, turned)[0]

    @functools.cache
    def of_key():  # as it is read and as it is found, each with the key's own token, which belongs to neither
        by_queries = scan(u, g, q, gates, d_turned, reverse=True)[0]
        by_keys = scan(u, e, k, gates, xp.zeros_like(turned), reverse=True)[0]
        return scan(e, u, k, gates, turned)[0], by_queries - by_keys

    def for_k():
        read, found = of_key()
        return found - read + 2 * xp.sum(e * u, axis=-1, keepdims=True) * k

    def for_decay():
        log = xp.sum(q * for_q(), axis=-1) - xp.sum(k * sum(of_key()), axis=-1)
        return suffix_sums(log) + xp.sum(d_last * last, axis=(-1, -2))[..., None]

    return (
        for_q,
        for_k,
        e,
        lambda: xp.sum(du * rest, axis=-1),
        None if decay is None else for_decay,
        None if state is None else d_start - from_keys,
    )


@primitive(saves=True)
def _delta_rule(q, k, v, beta, decay=None, state=None, carry=False):
    """The fused part of `delta_rule`; `carry` puts the last state below the rows of the output."""
    return _forward((scan, correct), q, k, v, beta, decay, state, carry)


@_delta_rule.vjp
def _(g, out, saved, q, k, v, beta, decay=None, state=None, carry=False):
    return _backward((scan, correct), g, saved, q, k, v, beta, decay, state, carry)


@_delta_rule.kernel("numba")
def _(q, k, v, beta, decay=None, state=None, carry=False):
    if 0 in (q.size, v.size):
        return Declined("nothing to do")
    if not same_float(q, k, v, beta, decay, state):
        return Declined("not all float32 or all float64")
    return _forward((fast_scan, fast_correct), q, k, v, beta, decay, state, carry)


@_delta_rule.vjp_kernel("numba")
def _(g, out, saved, q, k, v, beta, decay=None, state=None, carry=False):
    return _backward((fast_scan, fast_correct), g, saved, q, k, v, beta, decay, state, carry)


@_delta_rule.samples
def _(rng):
    q, k = rng.normal(size=(2, 2, 3, 37, 5)) / 2
    v, state, beta = rng.normal(size=(2, 3, 37, 2)), rng.normal(size=(2, 3, 5, 2)), rng.random((2, 3, 37))
    yield call(q, k, v, beta)
    yield call(q, k, v, beta, -rng.random((2, 3, 37)), state, carry=True)
    yield call(q, k, v, beta, -rng.random((1, 3, 1)), None, carry=True)
    yield call(q[:1, :1, :1], k[:1, :1, :1], v[:1, :1, :1], beta[:1, :1, :1], None, state[:1, :1])
    yield call(q[:, :, :0], k[:, :, :0], v[:, :, :0], beta[:, :, :0], None, state, carry=True)


def delta_rule(q, k, v, beta, decay=None, state=None, carry=False):
    """Linear attention that overwrites: before v_t is stored under k_t, what stands there is taken away.

        S_t = a_t (I - beta_t k_t k_t^T) S_{t-1} + beta_t k_t v_t^T        out_t = q_t^T S_t

    q, k   (B, H, T, F); give keys of length 1: longer ones with a large beta make the state grow
    v      (B, H, T, dv)
    beta   (B, H, T), how much of the old is replaced: 1 all, 0 nothing
    decay, state, carry  as in `linear_attention`
    Returns out (B, H, T, dv), or the pair (out, state). Raises ShapeError, ArgumentError.
    Source: arXiv 2102.11174, section 4.2; in chunks 2406.06484, section 3; with decay 2412.06464, section 3.
    Ours: S is (F, dv), the transpose of theirs.

        >>> key = np.ones((1, 1, 2, 1))
        >>> delta_rule(key, key, [[[[3.0], [5.0]]]], np.ones((1, 1, 2))).numpy().ravel().tolist()
        [3.0, 5.0]
    """
    q, k, v, beta = as_tensor(q), as_tensor(k), as_tensor(v), as_tensor(beta)
    decay, state = checked_extras("delta_rule", q, k, v, decay, state)
    if beta.shape != q.shape[:3]:
        raise ShapeError(
            "delta_rule", expected=f"beta (B, H, T) = {q.shape[:3]}", got=beta.shape, hint="one a token"
        )
    both = _delta_rule(q, k, v, beta, decay, state, carry=carry)
    return (both[:, :, : q.shape[2]], both[:, :, q.shape[2] :]) if carry else both
