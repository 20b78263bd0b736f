"""The gated recurrent unit over a sequence."""

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
from .scan_gru_kernels import gru_backward, gru_forward


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


@_gru.kernel("numba")
def _(x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    if declined := kernels.declined(x, (w_x, w_h, b_x, b_h, h0), truncate):
        return declined
    gates = kernels.input_shares(x, w_x, b_x)
    out, before, shared = (np.empty((*x.shape[:2], h0.shape[1]), x.dtype) for _ in range(3))
    steps, weights = kernels.steps_of(x, valid, reverse), kernels.state_weights(w_h, b_h, h0, x.shape[1])
    kept = before, shared
    gru_forward(gates, weights, dense(h0), *steps, out, kept, kernels.share(len(x)))
    return out, (gates, *kept)


@_gru.vjp_kernel("numba")
def _(g, out, saved, x, w_x, w_h, b_x, b_h, h0, valid=None, reverse=False, truncate=None):
    gates, *kept = saved  # the gates' memory goes to the gradients of the input shares
    d_states, dh = np.empty_like(gates), np.zeros(h0.shape, h0.dtype)
    steps, blocks = kernels.steps_of(x, valid, reverse), kernels.backward_blocks(w_h, x.shape[1])
    gru_backward(dense(g), gates, tuple(kept), blocks, *steps, (d_states, dh), kernels.share(len(x)))
    return *kernels.argument_gradients(gates, d_states, kept[0], dh, (x, w_x, w_h, b_x, b_h)), None
