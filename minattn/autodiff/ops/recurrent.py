"""Recurrent scans: RNN, GRU and LSTM over a whole sequence as one node, with the derivative by hand.

Weights and gate order are PyTorch's: w_x (G H, n_in), w_h (G H, H), two biases (G H,). The products
with the inputs do not depend on the state, so they are one matrix product before the loop.

Backpropagation through time walks the steps backwards with dL/dh. Truncated to tau steps it keeps
gradients apart by age (how many steps they have come) and drops them at age tau.
"""

import numpy as np

from ...backends import xp
from ...errors import ArgumentError, DTypeError, ShapeError
from ..primitive import call, primitive
from ..tensor import Tensor, as_tensor


def _sigmoid(x):
    return 0.5 * (xp.tanh(0.5 * x) + 1)


def _scan_order(x, reverse):
    """(B, T, ..) -> (T, B, ..), the last step first where `reverse`. Its own inverse up to the swap."""
    x = xp.swapaxes(x, 0, 1)
    return x[::-1] if reverse else x


def _inputs(x, w_x, b_x, reverse):
    """The inputs' share of every gate at every step, (T, B, G H)."""
    rows = xp.ascontiguousarray(_scan_order(x, reverse)).reshape(-1, x.shape[2])
    share = xp.matmul(rows, w_x.T)
    if b_x is not None:
        share += b_x
    return share.reshape(x.shape[1], x.shape[0], w_x.shape[0])


def _batch_first(steps, reverse):
    """(T, B, ..) in scan order -> (B, T, ..) in time order."""
    return xp.ascontiguousarray(xp.swapaxes(steps[::-1] if reverse else steps, 0, 1))


def _live(valid, reverse):
    """valid (B, T) -> (T, B, 1) in scan order."""
    return None if valid is None else _scan_order(valid, reverse)[..., None]


class _Backward:
    """A gradient on its way back through the steps, (ages, B, H); one age where nothing is cut."""

    def __init__(self, like, truncate, steps):
        self.cut = truncate is not None and truncate < steps
        self.part = xp.zeros((truncate + 1 if self.cut else 1, *like.shape), dtype=like.dtype)

    def arrive(self, g):
        """Add this step's own gradient; returns what flows through the step."""
        self.part[0] += g
        return self.part[:-1] if self.cut else self.part

    def leave(self, part, live):
        """Go on with `part`, one step older; padding (not `live`) lets everything pass unchanged."""
        if self.cut:
            part = xp.concatenate([xp.zeros_like(part[:1]), part])
        self.part = part if live is None else xp.where(live, part, self.part)


def _gradients(d_x, d_h, before, x, w_x, b_x, b_h, reverse):
    """From the gates' gradients, inputs' share (d_x) and state's share (d_h): x, w_x, w_h, b_x, b_h."""
    inputs, states = d_x.reshape(-1, d_x.shape[-1]), d_h.reshape(-1, d_h.shape[-1])

    def for_x():
        part = xp.matmul(inputs, w_x).reshape(x.shape[1], x.shape[0], x.shape[2])
        return _batch_first(part, reverse)

    return (
        for_x,
        lambda: xp.matmul(inputs.T, xp.ascontiguousarray(_scan_order(x, reverse)).reshape(-1, x.shape[2])),
        lambda: xp.matmul(states.T, before.reshape(-1, before.shape[-1])),
        None if b_x is None else lambda: xp.sum(inputs, axis=0),
        None if b_h is None else lambda: xp.sum(states, axis=0),
    )


def _step_share(h, w_h, b_h):
    share = xp.matmul(h, w_h.T)
    return share if b_h is None else share + b_h


@primitive(saves=True)
def _rnn(x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    """The fused part of `rnn`; keeps the states (T + 1, B, H)."""
    shares, live = _inputs(x, w_x, b_x, reverse), _live(valid, reverse)
    states = xp.empty((len(shares) + 1, *h0.shape), dtype=shares.dtype)
    states[0] = h0
    for t, share in enumerate(shares):
        a = share + _step_share(states[t], w_h, b_h)
        h = xp.tanh(a) if activation == "tanh" else xp.maximum(a, 0)
        states[t + 1] = h if live is None else xp.where(live[t], h, states[t])
    return _batch_first(states[1:], reverse), states


@_rnn.vjp
def _(g, out, states, x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    g, live = _scan_order(g, reverse), _live(valid, reverse)
    dh = _Backward(h0, truncate, len(g))
    d_gates = xp.empty(g.shape, dtype=g.dtype)
    for t in range(len(g) - 1, -1, -1):
        h = states[t + 1]
        da = dh.arrive(g[t]) * (1 - h * h if activation == "tanh" else h > 0)
        now = None if live is None else live[t]
        d_gates[t] = da.sum(axis=0) if live is None else xp.where(now, da.sum(axis=0), 0)
        dh.leave(xp.matmul(da, w_h), now)
    return *_gradients(d_gates, d_gates, states[:-1], x, w_x, b_x, b_h, reverse), dh.part.sum(axis=0), None


@primitive(saves=True)
def _gru(x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    """The fused part of `gru`; keeps states, gates after activation, and the state's share of n."""
    shares, live, n = _inputs(x, w_x, b_x, reverse), _live(valid, reverse), h0.shape[1]
    states = xp.empty((len(shares) + 1, *h0.shape), dtype=shares.dtype)
    shared = xp.empty((len(shares), *h0.shape), dtype=shares.dtype)
    states[0] = h0
    for t, gates in enumerate(shares):  # the gates overwrite the shares, which nobody needs again
        h, own = states[t], _step_share(states[t], w_h, b_h)
        gates[:, : 2 * n] = _sigmoid(gates[:, : 2 * n] + own[:, : 2 * n])
        r, z, shared[t] = gates[:, :n], gates[:, n : 2 * n], own[:, 2 * n :]
        gates[:, 2 * n :] = xp.tanh(gates[:, 2 * n :] + r * shared[t])
        new = (1 - z) * gates[:, 2 * n :] + z * h
        states[t + 1] = new if live is None else xp.where(live[t], new, h)
    return _batch_first(states[1:], reverse), (states, shares, shared)


@_gru.vjp
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    states, gates, shared = saved
    g, live, size = _scan_order(g, reverse), _live(valid, reverse), h0.shape[1]
    dh = _Backward(h0, truncate, len(g))
    d_x, d_h = xp.empty_like(gates), xp.empty_like(gates)
    for t in range(len(g) - 1, -1, -1):
        r, z, n = (gates[t, :, i * size : (i + 1) * size] for i in range(3))
        part, now = dh.arrive(g[t]), None if live is None else live[t]
        dn = part * (1 - z) * (1 - n * n)
        dz = part * (states[t] - n) * z * (1 - z)
        dr = dn * shared[t] * r * (1 - r)
        own = xp.concatenate([dr, dz, dn * r], axis=-1)
        all_ages, n_ages = own.sum(axis=0), dn.sum(axis=0)
        d_h[t] = all_ages if live is None else xp.where(now, all_ages, 0)
        d_x[t, :, : 2 * size] = d_h[t, :, : 2 * size]
        d_x[t, :, 2 * size :] = n_ages if live is None else xp.where(now, n_ages, 0)
        dh.leave(part * z + xp.matmul(own, w_h), now)
    return *_gradients(d_x, d_h, states[:-1], x, w_x, b_x, b_h, reverse), dh.part.sum(axis=0), None


@primitive(saves=True)
def _lstm(x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    """The fused part of `lstm`: (2, B, T, H), h and c; keeps both states and the gates after activation."""
    shares, live, n = _inputs(x, w_x, b_x, reverse), _live(valid, reverse), h0.shape[1]
    states = xp.empty((2, len(shares) + 1, *h0.shape), dtype=shares.dtype)
    states[0, 0], states[1, 0] = h0, c0
    for t, gates in enumerate(shares):  # the gates overwrite the shares, which nobody needs again
        h, c = states[:, t]
        gates += _step_share(h, w_h, b_h)
        gates[:, : 2 * n], gates[:, 3 * n :] = _sigmoid(gates[:, : 2 * n]), _sigmoid(gates[:, 3 * n :])
        gates[:, 2 * n : 3 * n] = xp.tanh(gates[:, 2 * n : 3 * n])
        i, f, new, o = (gates[:, j * n : (j + 1) * n] for j in range(4))
        next_c = f * c + i * new
        next_h = o * xp.tanh(next_c)
        states[0, t + 1] = next_h if live is None else xp.where(live[t], next_h, h)
        states[1, t + 1] = next_c if live is None else xp.where(live[t], next_c, c)
    return xp.stack([_batch_first(states[0, 1:], reverse), _batch_first(states[1, 1:], reverse)]), (states, shares)


@_lstm.vjp
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    states, gates = saved
    live, size, steps = _live(valid, reverse), h0.shape[1], x.shape[1]
    g_h, g_c = _scan_order(g[0], reverse), _scan_order(g[1], reverse)
    dh, dc = _Backward(h0, truncate, steps), _Backward(c0, truncate, steps)
    d_gates = xp.empty_like(gates)
    for t in range(steps - 1, -1, -1):
        i, f, new, o = (gates[t, :, j * size : (j + 1) * size] for j in range(4))
        now, squashed = None if live is None else live[t], xp.tanh(f * states[1, t] + i * new)
        from_h = dh.arrive(g_h[t])
        from_c = dc.arrive(g_c[t]) + from_h * o * (1 - squashed * squashed)
        da = xp.concatenate([
            from_c * new * i * (1 - i), from_c * states[1, t] * f * (1 - f),
            from_c * i * (1 - new * new), from_h * squashed * o * (1 - o),
        ], axis=-1)  # fmt: skip
        d_gates[t] = da.sum(axis=0) if live is None else xp.where(now, da.sum(axis=0), 0)
        dh.leave(xp.matmul(da, w_h), now)
        dc.leave(from_c * f, now)
    parts = _gradients(d_gates, d_gates, states[0, :-1], x, w_x, b_x, b_h, reverse)
    return *parts, dh.part.sum(axis=0), dc.part.sum(axis=0), None


def _samples(gates, states):
    def samples(rng):
        x, w_x, w_h = rng.normal(size=(3, 5, 2)), rng.normal(size=(gates * 7, 2)), rng.normal(size=(gates * 7, 7))
        b_x, b_h = rng.normal(size=gates * 7), rng.normal(size=gates * 7)
        start = [rng.normal(size=(3, 7)) for _ in range(states)]
        valid = np.arange(5) < np.array([[5], [3], [0]])
        yield call(x, w_x, w_h, b_x, b_h, *start)
        yield call(x, w_x, w_h, None, None, *start, valid)
        yield call(x, w_x, w_h, b_x, b_h, *start, valid, reverse=True)
        yield call(x[:0], w_x, w_h, b_x, b_h, *(s[:0] for s in start))

    return samples


_rnn.samples(_samples(1, 1))
_gru.samples(_samples(3, 1))
_lstm.samples(_samples(4, 2))


def rnn(x, w_x, w_h, b_x=None, b_h=None, h0=None, valid=None, **options):
    """h_t = tanh(W_x x_t + b_x + W_h h_{t-1} + b_h), for all t.

    x         (B, T, n_in)
    w_x, w_h  (H, n_in) and (H, H); biases (H,) or None
    h0        (B, H), default zeros
    valid     (B, T) boolean; where False (padding) the state is carried on unchanged
    options   activation="tanh" or "relu"; reverse=True scans from the last step to the first (padding at
              the end is passed unchanged, so the scan starts at the last valid step);
              truncate=tau lets a gradient at step t reach steps t - tau + 1 .. t only
    Returns (B, T, H). Source: arXiv 1912.05911, equations 2 and 12.
    """
    x, (h0,), valid = _checked("rnn", 1, x, w_x, w_h, (h0,), valid, options)
    return _rnn(x, w_x, w_h, b_x, b_h, h0, valid, **options)


def gru(x, w_x, w_h, b_x=None, b_h=None, h0=None, valid=None, **options):
    """A gated recurrent unit over a sequence; arguments as in `rnn`, gates stacked in the order r, z, n.

        r, z = sigmoid(W x_t + b_x + W h_{t-1} + b_h)    reset and update gate
        n    = tanh(W x_t + b_x + r * (W h_{t-1} + b_h))
        h_t  = (1 - z) * n + z * h_{t-1}

    w_x (3 H, n_in), w_h (3 H, H), biases (3 H,). Returns (B, T, H). Source: arXiv 1406.1078.
    Ours: PyTorch's form, with the reset gate after the product.
    """
    x, (h0,), valid = _checked("gru", 3, x, w_x, w_h, (h0,), valid, options)
    return _gru(x, w_x, w_h, b_x, b_h, h0, valid, **options)


def lstm(x, w_x, w_h, b_x=None, b_h=None, h0=None, c0=None, valid=None, **options):
    """Long short-term memory over a sequence; arguments as in `rnn`, gates in the order i, f, g, o.

        i, f, o = sigmoid(W x_t + b_x + W h_{t-1} + b_h)    input, forget, output gate; g with tanh
        c_t = f * c_{t-1} + i * g        h_t = o * tanh(c_t)

    w_x (4 H, n_in), w_h (4 H, H), biases (4 H,); c0 (B, H), default zeros.
    Returns the pair h, c, each (B, T, H), two slices of one node. Source: Hochreiter and Schmidhuber (1997).
    """
    x, (h0, c0), valid = _checked("lstm", 4, x, w_x, w_h, (h0, c0), valid, options)
    both = _lstm(x, w_x, w_h, b_x, b_h, h0, c0, valid, **options)
    return both[0], both[1]


def _checked(name, gates, x, w_x, w_h, start, valid, options):
    x, n = as_tensor(x), w_h.shape[-1]
    start = [xp.zeros((x.shape[0], n), dtype=x.dtype) if s is None else s for s in start]
    valid = valid.data if isinstance(valid, Tensor) else valid
    fits = x.ndim == 3 and w_x.shape == (gates * n, x.shape[-1]) and w_h.shape == (gates * n, n)
    fits = fits and all(s.shape == (x.shape[0], n) for s in start)
    if not fits or (valid is not None and valid.shape != x.shape[:2]):
        raise ShapeError(
            name,
            expected=f"x (B, T, n_in), w_x ({gates} H, n_in), w_h ({gates} H, H), states (B, H), valid (B, T)",
            got=f"x {x.shape}, w_x {w_x.shape}, w_h {w_h.shape}, states {[s.shape for s in start]}"
            + ("" if valid is None else f", valid {valid.shape}"),
            hint="batch first, then time: x.swapaxes(0, 1)",
        )
    if valid is not None and valid.dtype != bool:
        raise DTypeError(name, expected="valid: booleans, True = a token", got=valid.dtype, hint="valid > 0")
    if (tau := options.get("truncate")) is not None and tau < 1:
        raise ArgumentError(name, expected="truncate >= 1, or None", got=tau, hint="truncate=None")
    if options.get("activation", "tanh") not in ("tanh", "relu"):
        raise ArgumentError(name, expected='"tanh" or "relu"', got=options["activation"], hint='activation="tanh"')
    return x, start, None if valid is None else xp.asarray(valid)
