"""The compiled long short-term memory: `lstm` with its gates in one pass over each row.

With sigma' = sigma (1 - sigma), tanh' = 1 - tanh^2, and the gradients dh, dc that arrive at a step,

    dc += dh o tanh'(c)     do = dh tanh(c) o (1 - o)     di = dc g i (1 - i)     df = dc c_before f (1 - f)
    dg  = dc i (1 - g^2)    dc_before = dc f              dh_before = (di, df, dg, do) W_h
"""

import numpy as np

from ...backends import jit, prange
from .kernel_math import add_sigmoid, add_tanh, tanh
from .scan_kernels import add_product, spread


@jit(fastmath=True)
def lstm_cell(row, own, h, c):
    """One step of one sequence: row (4 H,) comes as input shares, leaves activated; h and c go on."""
    size = h.size
    add_sigmoid(row[: 2 * size], own[: 2 * size])
    add_tanh(row[2 * size : 3 * size], own[2 * size : 3 * size])
    add_sigmoid(row[3 * size :], own[3 * size :])
    for j in range(size):
        c[j] = row[size + j] * c[j] + row[j] * row[2 * size + j]
    for j in range(size):
        h[j] = row[3 * size + j] * tanh(c[j])


@jit(fastmath=True)
def lstm_forward_rows(gates, weights, start, order, live, out, before, rows):
    """`lstm_forward` for the sequences rows[0] .. rows[1] - 1."""
    (blocks, begin), (first, last) = weights, rows
    h, c = start[0][first:last].copy(), start[1][first:last].copy()
    own = np.empty((last - first, gates.shape[2]), gates.dtype)
    room = np.empty((last - first, blocks.shape[3]), gates.dtype)
    for t in order:
        own[:] = begin[first:last]
        add_product(h.reshape(1, h.shape[0], h.shape[1]), blocks, room, own)
        for i in range(last - first):
            b = first + i
            before[b, t] = h[i]
            if live.size == 0 or live[b, t]:
                lstm_cell(gates[b, t], own[i], h[i], c[i])
            out[0, b, t], out[1, b, t] = h[i], c[i]


@jit(parallel=True)
def lstm_forward(gates, weights, start, order, live, out, before, size):
    """All steps, `size` sequences a turn.

    gates    (B, T, 4 H), come as input shares and leave activated
    weights  as from state_weights; order, live as from steps_of
    start    (h0, c0)
    out      (2, B, T, H), becomes h and c after each step; before (B, T, H), becomes h before each step
    """
    batch = gates.shape[0]
    for turn in prange(-(-batch // size)):
        rows = turn * size, min(batch, turn * size + size)
        lstm_forward_rows(gates, weights, start, order, live, out, before, rows)


@jit(fastmath=True)
def lstm_cell_backward(row, c, before, g, dh, dc):
    """Row (4 H,) of gates becomes that of their gradients. dh, dc: what came from later, g: from this step.

    dh leaves as zeros, for the product with W_h, dc as the gradient of c before the step.
    """
    size = dh.size
    one, (g_h, g_c) = row.dtype.type(1), g
    for j in range(size):
        i, f, n, o = row[j], row[size + j], row[2 * size + j], row[3 * size + j]
        squashed = tanh(c[j])
        from_h = dh[j] + g_h[j]
        from_c = dc[j] + g_c[j] + from_h * o * (one - squashed * squashed)
        row[j] = from_c * n * i * (one - i)
        row[size + j] = from_c * before[j] * f * (one - f)
        row[2 * size + j] = from_c * i * (one - n * n)
        row[3 * size + j] = from_h * squashed * o * (one - o)
        dc[j] = from_c * f
        dh[j] = 0


@jit(fastmath=True)
def lstm_backward_rows(g, gates, cells, blocks, order, live, d_start, rows):
    """`lstm_backward` for the sequences rows[0] .. rows[1] - 1."""
    (first, last), (c, c0), (dh, dc) = rows, cells, d_start
    parts = np.empty((blocks.shape[0], last - first, dh.shape[1]), gates.dtype)
    room = np.empty((last - first, blocks.shape[3]), gates.dtype)
    for s in range(len(order) - 1, -1, -1):
        t = order[s]
        for b in range(first, last):
            if live.size == 0 or live[b, t]:
                before = c[b, order[s - 1]] if s > 0 else c0[b]
                lstm_cell_backward(gates[b, t], c[b, t], before, (g[0, b, t], g[1, b, t]), dh[b], dc[b])
            else:  # padding: the gradient passes unchanged
                gates[b, t] = 0
                dh[b] += g[0, b, t]
                dc[b] += g[1, b, t]
            spread(gates[b, t], parts, b - first)
        add_product(parts, blocks, room, dh[first:last])


@jit(parallel=True)
def lstm_backward(g, gates, cells, blocks, order, live, d_start, size):
    """All steps backwards, `size` sequences a turn.

    g         (2, B, T, H), for h and c; gates (B, T, 4 H), become their gradients before activation
    cells     (c (B, T, H), c0); blocks as from backward_blocks
    d_start   two arrays of zeros (B, H), become dL/dh0 and dL/dc0
    """
    batch = gates.shape[0]
    for turn in prange(-(-batch // size)):
        rows = turn * size, min(batch, turn * size + size)
        lstm_backward_rows(g, gates, cells, blocks, order, live, d_start, rows)
