"""The plain recurrent network over a sequence."""

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
    state_share,
    time_order,
)
from .scan_rnn_kernels import rnn_backward, rnn_forward


@primitive(saves=True)
def _rnn(x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    """The fused part of `rnn`; keeps the states (T + 1, B, H)."""
    shares, live = input_shares(x, w_x, b_x, reverse), live_steps(valid, reverse)
    states = xp.empty((len(shares) + 1, *h0.shape), dtype=shares.dtype)
    states[0] = h0
    for t in range(len(shares)):
        a = shares[t] + state_share(states[t], w_h, b_h)
        h = xp.tanh(a) if activation == "tanh" else xp.maximum(a, 0)
        states[t + 1] = h if live is None else xp.where(live[t], h, states[t])
    return xp.ascontiguousarray(time_order(states[1:], reverse)), states


@_rnn.vjp
def _(g, out, states, x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    g, live = scan_order(g, reverse), live_steps(valid, reverse)
    dh = Backward(h0, truncate, len(g))
    d_gates = xp.empty(g.shape, dtype=g.dtype)
    for t in reversed(range(len(g))):
        h, now = states[t + 1], None if live is None else live[t]
        da = dh.arrive(g[t]) * (1 - h * h if activation == "tanh" else h > 0)
        d_gates[t] = all_ages(da, now)
        dh.leave(xp.matmul(da, w_h), now)
    parts = argument_gradients(d_gates, d_gates, states[:-1], (x, w_x, b_x, b_h), reverse)
    return *parts, dh.total(), None


_rnn.samples(samples(gates=1, states=1))


@_rnn.kernel("numba")
def _(x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    if declined := kernels.declined(x, (w_x, w_h, b_x, b_h, h0), truncate):
        return declined
    shares = kernels.input_shares(x, w_x, b_x)
    steps, kept = kernels.steps_of(x, valid, reverse), (np.empty_like(shares), np.empty_like(shares))
    weights, relu = kernels.state_weights(w_h, b_h, h0, x.shape[1]), activation == "relu"
    rnn_forward(shares, weights, dense(h0), *steps, relu, kept, kernels.share(len(x)))
    return kept


@_rnn.vjp_kernel("numba")
def _(g, out, before, x, w_x, w_h, b_x, b_h, h0, valid=None, activation="tanh", reverse=False, truncate=None):
    d_shares, dh = np.empty_like(before), np.zeros(h0.shape, h0.dtype)
    steps, blocks = kernels.steps_of(x, valid, reverse), kernels.backward_blocks(w_h, x.shape[1])
    relu, size = activation == "relu", kernels.share(len(x))
    rnn_backward(dense(g), dense(out), blocks, *steps, relu, (d_shares, dh), size)
    return *kernels.argument_gradients(d_shares, d_shares, before, dh, (x, w_x, w_h, b_x, b_h)), None
