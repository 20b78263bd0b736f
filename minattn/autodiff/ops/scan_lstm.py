"""Long short-term memory over a sequence."""

import numpy as np

from ...backends import jit, xp
from ..primitive import primitive
from .kernel_math import add_sigmoid, add_tanh, dense, same_float, tanh
from .scan import (
    Backward,
    all_ages,
    argument_gradients,
    input_shares,
    is_cut,
    live_rows,
    live_steps,
    samples,
    scan_order,
    sigmoid,
    state_share,
    time_order,
)


def _parts(gates, size):
    return (gates[:, j * size : (j + 1) * size] for j in range(4))


def _side_by_side(h, c, reverse):
    """The states after the start, (T + 1, B, H) each, as one (2, B, T, H) in time order."""
    both = xp.empty((2, h.shape[1], len(h) - 1, h.shape[2]), dtype=h.dtype)
    both[0], both[1] = time_order(h[1:], reverse), time_order(c[1:], reverse)
    return both


@primitive(saves=True)
def _lstm(x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    """The fused part of `lstm`: (2, B, T, H), h and c; keeps h, c and the gates after activation."""
    gates, live, size = input_shares(x, w_x, b_x, reverse), live_steps(valid, reverse), h0.shape[1]
    h, c = (xp.empty((len(gates) + 1, *h0.shape), dtype=gates.dtype) for _ in range(2))
    h[0], c[0] = h0, c0
    for t in range(len(gates)):  # the gates overwrite the input shares, which nobody needs again
        i, f, n, o = _parts(gates[t], size)
        gates[t] += state_share(h[t], w_h, b_h)
        i[:], f[:], n[:], o[:] = sigmoid(i), sigmoid(f), xp.tanh(n), sigmoid(o)
        new_c = f * c[t] + i * n
        new_h = o * xp.tanh(new_c)
        h[t + 1] = new_h if live is None else xp.where(live[t], new_h, h[t])
        c[t + 1] = new_c if live is None else xp.where(live[t], new_c, c[t])
    return _side_by_side(h, c, reverse), (h, c, gates)


@_lstm.vjp
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    h, c, gates = saved
    live, size, steps = live_steps(valid, reverse), h0.shape[1], x.shape[1]
    g_h, g_c = scan_order(g[0], reverse), scan_order(g[1], reverse)
    dh, dc = Backward(h0, truncate, steps), Backward(c0, truncate, steps)
    d_gates = xp.empty_like(gates)
    for t in reversed(range(steps)):
        i, f, n, o = _parts(gates[t], size)
        now, squashed = None if live is None else live[t], xp.tanh(c[t + 1])
        from_h = dh.arrive(g_h[t])
        from_c = dc.arrive(g_c[t]) + from_h * o * (1 - squashed * squashed)
        di, df = from_c * n * i * (1 - i), from_c * c[t] * f * (1 - f)
        dn, do = from_c * i * (1 - n * n), from_h * squashed * o * (1 - o)
        da = xp.concatenate([di, df, dn, do], axis=-1)
        d_gates[t] = all_ages(da, now)
        dh.leave(xp.matmul(da, w_h), now)
        dc.leave(from_c * f, now)
    parts = argument_gradients(d_gates, d_gates, h[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, dh.total(), dc.total(), None


_lstm.samples(samples(gates=4, states=2))


@jit(fastmath=True)
def lstm_forward(gates, w, h, c, live):
    """All steps: gates (T, B, 4 H) come as input shares and leave activated; w (H, 4 H).

    h, c (T + 1, B, H) hold the start first; live (T, B), or empty where all steps count.
    """
    steps, batch, size = gates.shape[0], h.shape[1], h.shape[2]
    own = np.empty((batch, 4 * size), gates.dtype)
    for t in range(steps):
        np.dot(h[t], w, own)
        for i in range(batch):
            if live.size > 0 and not live[t, i]:
                h[t + 1, i], c[t + 1, i] = h[t, i], c[t, i]
                continue
            row, new_c, new_h = gates[t, i], c[t + 1, i], h[t + 1, i]
            add_sigmoid(row[: 2 * size], own[i, : 2 * size])
            add_tanh(row[2 * size : 3 * size], own[i, 2 * size : 3 * size])
            add_sigmoid(row[3 * size :], own[i, 3 * size :])
            for j in range(size):
                new_c[j] = row[size + j] * c[t, i, j] + row[j] * row[2 * size + j]
            for j in range(size):
                new_h[j] = row[3 * size + j] * tanh(new_c[j])


@jit(fastmath=True)
def lstm_backward(g_h, g_c, gates, c, w, live, d_gates, dh, dc):
    """All steps backwards: g_h, g_c (T, B, H), w (4 H, H); fills d_gates, leaves dL/dh0, dL/dc0 in dh, dc."""
    steps, batch, size = g_h.shape
    squashed, back = np.empty(size, gates.dtype), np.empty((batch, size), gates.dtype)
    one = gates.dtype.type(1)
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            if live.size > 0 and not live[t, b]:
                d_gates[t, b] = 0
                continue
            for j in range(size):
                squashed[j] = tanh(c[t + 1, b, j])
            row, d_row = gates[t, b], d_gates[t, b]
            for j in range(size):
                i, f, n, o = row[j], row[size + j], row[2 * size + j], row[3 * size + j]
                from_h = dh[b, j] + g_h[t, b, j]
                from_c = dc[b, j] + g_c[t, b, j] + from_h * o * (one - squashed[j] * squashed[j])
                d_row[j] = from_c * n * i * (one - i)
                d_row[size + j] = from_c * c[t, b, j] * f * (one - f)
                d_row[2 * size + j] = from_c * i * (one - n * n)
                d_row[3 * size + j] = from_h * squashed[j] * o * (one - o)
                dc[b, j] = from_c * f
        np.dot(d_gates[t], w, back)
        for b in range(batch):
            if live.size > 0 and not live[t, b]:  # padding: the gradient passes unchanged
                dh[b] += g_h[t, b]
                dc[b] += g_c[t, b]
            else:
                dh[b] = back[b]


@_lstm.kernel("numba")
def _(x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    if not same_float(x, w_x, w_h, b_x, b_h, h0, c0):
        return NotImplemented
    bias = b_x if b_h is None else b_h if b_x is None else b_x + b_h
    gates = input_shares(x, w_x, bias, reverse)
    h, c = (np.empty((len(gates) + 1, *h0.shape), h0.dtype) for _ in range(2))
    h[0], c[0] = h0, c0
    lstm_forward(gates, dense(w_h.T), h, c, live_rows(valid, reverse))
    return _side_by_side(h, c, reverse), (h, c, gates)


@_lstm.vjp_kernel("numba")
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    if is_cut(truncate, x.shape[1]) or not same_float(g, x, w_x, w_h, b_x, b_h, h0, c0):
        return NotImplemented
    h, c, gates = saved
    g_h, g_c = dense(scan_order(g[0], reverse)), dense(scan_order(g[1], reverse))
    d_gates, dh, dc = np.empty_like(gates), np.zeros_like(h[0]), np.zeros_like(h[0])
    lstm_backward(g_h, g_c, gates, c, dense(w_h), live_rows(valid, reverse), d_gates, dh, dc)
    parts = argument_gradients(d_gates, d_gates, h[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, dh, dc, None
