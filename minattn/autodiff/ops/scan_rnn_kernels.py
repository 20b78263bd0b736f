"""The compiled plain recurrent network: `rnn` with h = f(a), a = W_x x + b_x + W_h h_before + b_h.

f' can be read off h: 1 - h^2 for tanh, 1 where h > 0 for relu. So da = dh f'(a), dh_before = da W_h.
"""

import numpy as np

from ...backends import jit, prange
from .kernel_math import add_tanh
from .scan_kernels import add_product


@jit(fastmath=True)
def rnn_forward_rows(shares, weights, h0, order, live, relu, kept, rows):
    """`rnn_forward` for the sequences rows[0] .. rows[1] - 1."""
    (blocks, begin), (out, before), (first, last) = weights, kept, rows
    h = h0[first:last].copy()
    own = np.empty(h.shape, h.dtype)
    room = np.empty((last - first, blocks.shape[3]), h.dtype)
    for t in order:
        own[:] = begin[first:last]
        add_product(h.reshape(1, h.shape[0], h.shape[1]), blocks, room, own)
        for i in range(last - first):
            b = first + i
            before[b, t] = h[i]
            if live.size == 0 or live[b, t]:
                if relu:
                    for j in range(h.shape[1]):
                        h[i, j] = max(own[i, j] + shares[b, t, j], h.dtype.type(0))
                else:
                    add_tanh(own[i], shares[b, t])
                    h[i] = own[i]
            out[b, t] = h[i]


@jit(parallel=True)
def rnn_forward(shares, weights, h0, order, live, relu, kept, size):
    """All steps, `size` sequences a turn.

    shares   (B, T, H), input shares
    weights  as from state_weights; order, live as from steps_of
    relu     True for relu, False for tanh
    kept     out (B, T, H), becomes h after each step; before (B, T, H), becomes h before each step
    """
    batch = shares.shape[0]
    for turn in prange(-(-batch // size)):
        rows = turn * size, min(batch, turn * size + size)
        rnn_forward_rows(shares, weights, h0, order, live, relu, kept, rows)


@jit(fastmath=True)
def rnn_backward_rows(g, out, blocks, order, live, relu, found, rows):
    """`rnn_backward` for the sequences rows[0] .. rows[1] - 1."""
    (d_shares, dh), (first, last) = found, rows
    parts = np.empty((1, last - first, dh.shape[1]), dh.dtype)
    room, one = np.empty((last - first, blocks.shape[3]), dh.dtype), dh.dtype.type(1)
    for t in order[::-1]:
        for b in range(first, last):
            h, da = out[b, t], d_shares[b, t]
            if live.size == 0 or live[b, t]:
                for j in range(h.size):
                    slope = (one if h[j] > 0 else one - one) if relu else one - h[j] * h[j]
                    da[j] = (dh[b, j] + g[b, t, j]) * slope
                    dh[b, j] = 0
            else:  # padding: the gradient passes unchanged
                da[:] = 0
                dh[b] += g[b, t]
            parts[0, b - first] = da
        add_product(parts, blocks, room, dh[first:last])


@jit(parallel=True)
def rnn_backward(g, out, blocks, order, live, relu, found, size):
    """All steps backwards, `size` sequences a turn: g, out (B, T, H), blocks as from backward_blocks.

    found    d_shares (B, T, H), becomes the gradient of the shares; dh (B, H), zeros that become dL/dh0
    """
    batch = out.shape[0]
    for turn in prange(-(-batch // size)):
        rows = turn * size, min(batch, turn * size + size)
        rnn_backward_rows(g, out, blocks, order, live, relu, found, rows)
