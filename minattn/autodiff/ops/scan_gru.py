"""The gated recurrent unit over a sequence."""

import numpy as np

from ...backends import jit, xp
from ..primitive import primitive
from .kernel_math import add_sigmoid, add_tanh, dense, same_float
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


@primitive(saves=True)
def _gru(x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    """The fused part of `gru`; keeps states, gates after activation, and the state's share of n."""
    gates, live, size = input_shares(x, w_x, b_x, reverse), live_steps(valid, reverse), h0.shape[1]
    states = xp.empty((len(gates) + 1, *h0.shape), dtype=gates.dtype)
    shared = xp.empty((len(gates), *h0.shape), dtype=gates.dtype)
    states[0] = h0
    for t in range(len(gates)):  # the gates overwrite the input shares, which nobody needs again
        h, own = states[t], state_share(states[t], w_h, b_h)
        gates[t, :, : 2 * size] = sigmoid(gates[t, :, : 2 * size] + own[:, : 2 * size])
        r, z, n = _parts(gates[t], size)
        shared[t] = own[:, 2 * size :]
        n[:] = xp.tanh(n + r * shared[t])
        new = (1 - z) * n + z * h
        states[t + 1] = new if live is None else xp.where(live[t], new, h)
    return xp.ascontiguousarray(time_order(states[1:], reverse)), (states, gates, shared)


def _parts(gates, size):
    return gates[:, :size], gates[:, size : 2 * size], gates[:, 2 * size :]


@_gru.vjp
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    states, gates, shared = saved
    g, live, size = scan_order(g, reverse), live_steps(valid, reverse), h0.shape[1]
    dh = Backward(h0, truncate, len(g))
    d_inputs, d_states = xp.empty_like(gates), xp.empty_like(gates)
    for t in reversed(range(len(g))):
        r, z, n = _parts(gates[t], size)
        part, now = dh.arrive(g[t]), None if live is None else live[t]
        dn = part * (1 - z) * (1 - n * n)
        dr = dn * shared[t] * r * (1 - r)
        dz = part * (states[t] - n) * z * (1 - z)
        own = xp.concatenate([dr, dz, dn * r], axis=-1)
        d_states[t] = all_ages(own, now)
        d_inputs[t, :, : 2 * size] = d_states[t, :, : 2 * size]
        d_inputs[t, :, 2 * size :] = all_ages(dn, now)
        dh.leave(part * z + xp.matmul(own, w_h), now)
    parts = argument_gradients(d_inputs, d_states, states[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, dh.total(), None


_gru.samples(samples(gates=3, states=1))


@jit(fastmath=True)
def gru_forward(gates, w, b, states, shared, live):
    """All steps: gates (T, B, 3 H) come as input shares and leave activated; w (H, 3 H), b (3 H,).

    states (T + 1, B, H) holds h0 first; shared (T, B, H); live (T, B), or empty where all steps count.
    """
    steps, batch, size = shared.shape
    own = np.empty((batch, 3 * size), gates.dtype)
    for t in range(steps):
        np.dot(states[t], w, own)
        for i in range(batch):
            if live.size > 0 and not live[t, i]:
                states[t + 1, i] = states[t, i]
                continue
            rz, n, new, of_n = (
                gates[t, i, : 2 * size],
                gates[t, i, 2 * size :],
                states[t + 1, i],
                shared[t, i],
            )
            for j in range(3 * size):
                own[i, j] += b[j]
            add_sigmoid(rz, own[i, : 2 * size])
            for j in range(size):
                of_n[j] = own[i, 2 * size + j]
                own[i, j] = rz[j] * of_n[j]
            add_tanh(n, own[i, :size])
            for j in range(size):
                new[j] = n[j] + rz[size + j] * (states[t, i, j] - n[j])


@jit(fastmath=True)
def gru_backward(g, gates, states, shared, w, live, d_inputs, d_states, dh):
    """All steps backwards: g (T, B, H), w (3 H, H); fills d_inputs, d_states and leaves dL/dh0 in dh."""
    steps, batch, size = shared.shape
    back = np.empty((batch, size), gates.dtype)
    one = gates.dtype.type(1)
    for t in range(steps - 1, -1, -1):
        for i in range(batch):
            if live.size > 0 and not live[t, i]:
                dh[i] += g[t, i]
                d_inputs[t, i], d_states[t, i] = 0, 0
                continue
            for j in range(size):
                r, z, n = gates[t, i, j], gates[t, i, size + j], gates[t, i, 2 * size + j]
                part = dh[i, j] + g[t, i, j]
                dn = part * (one - z) * (one - n * n)
                dr = dn * shared[t, i, j] * r * (one - r)
                dz = part * (states[t, i, j] - n) * z * (one - z)
                d_inputs[t, i, j], d_inputs[t, i, size + j], d_inputs[t, i, 2 * size + j] = dr, dz, dn
                d_states[t, i, j], d_states[t, i, size + j], d_states[t, i, 2 * size + j] = dr, dz, dn * r
                dh[i, j] = part * z
        np.dot(d_states[t], w, back)
        dh += back


@_gru.kernel("numba")
def _(x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    if not same_float(x, w_x, w_h, b_x, b_h, h0):
        return NotImplemented
    gates = input_shares(x, w_x, b_x, reverse)
    states = np.empty((len(gates) + 1, *h0.shape), h0.dtype)
    states[0] = h0
    shared = np.empty(states[1:].shape, h0.dtype)
    bias = np.zeros(len(w_h), h0.dtype) if b_h is None else b_h
    gru_forward(gates, dense(w_h.T), dense(bias), states, shared, live_rows(valid, reverse))
    return xp.ascontiguousarray(time_order(states[1:], reverse)), (states, gates, shared)


@_gru.vjp_kernel("numba")
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    if is_cut(truncate, x.shape[1]) or not same_float(g, x, w_x, w_h, b_x, b_h, h0):
        return NotImplemented
    states, gates, shared = saved
    d_inputs, d_states, dh = np.empty_like(gates), np.empty_like(gates), np.zeros_like(states[0])
    live = live_rows(valid, reverse)
    gru_backward(
        dense(scan_order(g, reverse)), gates, states, shared, dense(w_h), live, d_inputs, d_states, dh
    )
    parts = argument_gradients(d_inputs, d_states, states[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, dh, None
