"""The delta rule with momentum and forgetting: a matrix that each token trains by a step of descent."""

from ...backends import xp
from ...errors import ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor


def _at(x, t):
    """Token t of rows (B,H,T,n) as (B,H,1,n), of gates (B,H,T) as (B,H,1,1)."""
    return x[:, :, t : t + 1] if x.ndim == 4 else x[:, :, t, None, None]


def _turn(x):
    return xp.swapaxes(x, -1, -2)


@primitive(saves=True)
def _surprise_rule(q, k, v, theta, eta, alpha, state):
    """The rows (B,H,T,d) of `surprise_rule` above the last M and S, (B,H,T+2F,d)."""
    n, f = q.shape[2:]
    m, s = state[:, :, :f], state[:, :, f:]
    rows, before = xp.empty((*q.shape[:3], v.shape[3]), dtype=v.dtype), []
    for t in range(n):
        key, error = _at(k, t), xp.matmul(_at(k, t), m) - _at(v, t)
        before.append((m, s, error))
        s = _at(eta, t) * s - 2 * _at(theta, t) * _turn(key) * error
        m = (1 - _at(alpha, t)) * m + s
        rows[:, :, t : t + 1] = xp.matmul(_at(q, t), m)
    return xp.concatenate([rows, m, s], axis=2), before


@_surprise_rule.vjp
def _(g, out, before, q, k, v, theta, eta, alpha, state):
    """From the last token to the first; gm and gs are the derivatives of M_t and S_t."""
    n, f = q.shape[2:]
    after, gm, gs = out[:, :, n : n + f], g[:, :, n : n + f], g[:, :, n + f :]
    dq, dk, dv, dtheta, deta, dalpha = (
        xp.empty(x.shape, dtype=x.dtype) for x in (q, k, v, theta, eta, alpha)
    )
    for t in reversed(range(n)):
        (m, s, error), key, rate, row = before[t], _at(k, t), 2 * _at(theta, t), _at(g, t)
        dq[:, :, t : t + 1] = xp.matmul(row, _turn(after))
        gm = gm + _turn(_at(q, t)) * row
        gs = gs + gm
        dalpha[:, :, t], deta[:, :, t] = -xp.sum(gm * m, axis=(2, 3)), xp.sum(gs * s, axis=(2, 3))
        by_key = xp.matmul(key, gs)
        dtheta[:, :, t] = -2 * xp.sum(error * by_key, axis=(2, 3))
        derror = -rate * by_key
        dk[:, :, t : t + 1] = xp.matmul(derror, _turn(m)) - rate * xp.matmul(error, _turn(gs))
        dv[:, :, t : t + 1] = -derror
        gm, gs = (1 - _at(alpha, t)) * gm + _turn(key) * derror, _at(eta, t) * gs
        after = m
    return dq, dk, dv, dtheta, deta, dalpha, xp.concatenate([gm, gs], axis=2)


@_surprise_rule.samples
def _(rng):
    q, k = rng.normal(size=(2, 2, 3, 7, 5)) / 2
    v, state, gates = rng.normal(size=(2, 3, 7, 2)), rng.normal(size=(2, 3, 10, 2)), rng.random((3, 2, 3, 7))
    yield call(q, k, v, *gates, state)
    yield call(q[:, :, :1], k[:, :, :1], v[:, :, :1], *gates[..., :1], state)
    yield call(q[:, :, :0], k[:, :, :0], v[:, :, :0], *gates[..., :0], state)


def surprise_rule(q, k, v, theta, eta, alpha, state=None):
    """A matrix M that each token changes by a step of descent on how well M maps its key to its value.

        S_t = eta_t S_{t-1} - theta_t grad |k_t^T M_{t-1} - v_t|^2     = eta_t S_{t-1} - 2 theta_t k_t e_t^T
        M_t = (1 - alpha_t) M_{t-1} + S_t                              out_t = M_t^T q_t

    q, k               (B, H, T, F)
    v                  (B, H, T, d)
    theta, eta, alpha  (B, H, T): step, momentum, forgetting
    state              M above S, (B, H, 2F, d); None: zeros
    Returns out (B, H, T, d) and the last state. With eta = alpha = 0 it is the delta rule, beta = 2 theta.
    Raises ShapeError. Source: arXiv 2501.00663, equations 9 to 14.

        >>> key, half = np.ones((1, 1, 2, 1)), np.full((1, 1, 2), 0.5)
        >>> surprise_rule(key, key, [[[[3.0], [5.0]]]], half, 0 * half, 0 * half)[0].numpy().ravel().tolist()
        [3.0, 5.0]
    """
    q, k, v, theta, eta, alpha = map(as_tensor, (q, k, v, theta, eta, alpha))
    if state is None:
        state = xp.zeros((*q.shape[:2], 2 * q.shape[-1], v.shape[-1]), dtype=v.dtype)
    state, n = as_tensor(state), q.shape[2]
    shapes = [x.shape for x in (k, v, theta, eta, alpha, state)]
    rows, last = q.shape[:3], (*q.shape[:2], 2 * q.shape[-1], v.shape[-1])
    if shapes != [q.shape, (*rows, v.shape[-1]), rows, rows, rows, last]:
        raise ShapeError(
            "surprise_rule",
            expected=f"k {q.shape}, v {rows} + (d,), three gates {rows}, state (B, H, 2F, d)",
            got=shapes,
            hint="one gate a token and head",
        )
    both = _surprise_rule(q, k, v, theta, eta, alpha, state)
    return both[:, :, :n], both[:, :, n:]
