"""Long short-term memory over a sequence."""

import numpy as np

from ...backends import xp
from ..primitive import primitive
from . import scan_kernels as kernels
from .kernel_math import dense
from .scan import (
    Backward,
    all_ages,
    argument_gradients,
    input_shares,
    live_steps,
    samples,
    scan_order,
    sigmoid,
    state_share,
    time_order,
)
from .scan_lstm_kernels import lstm_backward, lstm_forward


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


@_lstm.kernel("numba")
def _(x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    if declined := kernels.declined(x, (w_x, w_h, b_x, b_h, h0, c0), truncate):
        return declined
    gates = kernels.input_shares(x, w_x, b_x)
    out, before = (np.empty((*lead, *x.shape[:2], h0.shape[1]), x.dtype) for lead in ((2,), ()))
    steps, weights = kernels.steps_of(x, valid, reverse), kernels.state_weights(w_h, b_h, h0, x.shape[1])
    lstm_forward(gates, weights, (dense(h0), dense(c0)), *steps, out, before, kernels.share(len(x)))
    return out, (gates, before)


@_lstm.vjp_kernel("numba")
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, c0, valid=None, reverse=False, truncate=None):
    gates, before = saved  # the gates' memory goes to their gradients
    d_start = np.zeros(h0.shape, h0.dtype), np.zeros(c0.shape, c0.dtype)
    steps, blocks = kernels.steps_of(x, valid, reverse), kernels.backward_blocks(w_h, x.shape[1])
    cells = dense(out[1]), dense(c0)
    lstm_backward(dense(g), gates, cells, blocks, *steps, d_start, kernels.share(len(x)))
    parts = kernels.argument_gradients(gates, gates, before, d_start[0], (x, w_x, w_h, b_x, b_h))
    return *parts, d_start[1], None
