"""The compiled gated recurrent unit: `gru` with its gates in one pass over each row.

With s_n = W_hn h_before + b_hn, h = (1 - z) n + z h_before, and the gradient dh that arrives at a step,

    dn = dh (1 - z) (1 - n^2)     dr = dn s_n r (1 - r)     dz = dh (h_before - n) z (1 - z)
    dh_before = dh z + (dr, dz, dn r) W_h
"""

import numpy as np

from ...backends import jit, prange
from .kernel_math import add_sigmoid, add_tanh
from .scan_kernels import add_product, spread


@jit(fastmath=True)
def gru_cell(row, own, of_n, h):
    """One step of one sequence: row (3 H,) comes as input shares, leaves activated; h goes on; of_n = s_n."""
    size = h.size
    add_sigmoid(row[: 2 * size], own[: 2 * size])
    for j in range(size):
        of_n[j] = own[2 * size + j]
        own[j] = row[j] * of_n[j]
    add_tanh(row[2 * size :], own[:size])
    for j in range(size):
        n = row[2 * size + j]
        h[j] = n + row[size + j] * (h[j] - n)


@jit(fastmath=True)
def gru_forward_rows(gates, weights, h0, order, live, out, kept, rows):
    """`gru_forward` for the sequences rows[0] .. rows[1] - 1."""
    (blocks, begin), (before, shared), (first, last) = weights, kept, rows
    h = h0[first:last].copy()
    own = np.empty((last - first, gates.shape[2]), gates.dtype)
    room = np.empty((last - first, blocks.shape[3]), gates.dtype)
    for t in order:
        own[:] = begin[first:last]
        add_product(h.reshape(1, h.shape[0], h.shape[1]), blocks, room, own)
        for i in range(last - first):
            b = first + i
            before[b, t] = h[i]
            if live.size == 0 or live[b, t]:
                gru_cell(gates[b, t], own[i], shared[b, t], h[i])
            out[b, t] = h[i]


@jit(parallel=True)
def gru_forward(gates, weights, h0, order, live, out, kept, size):
    """All steps, `size` sequences a turn.

    gates    (B, T, 3 H), come as input shares and leave activated
    weights  as from state_weights; order, live as from steps_of
    out      (B, T, H), becomes h after each step; kept two such arrays: h before each step, and s_n
    """
    batch = gates.shape[0]
    for turn in prange(-(-batch // size)):
        rows = turn * size, min(batch, turn * size + size)
        gru_forward_rows(gates, weights, h0, order, live, out, kept, rows)


@jit(fastmath=True)
def gru_cell_backward(row, own, of_n, before, g, dh):
    """Row of gates becomes dr, dz, dn; own dr, dz, dn r. dh: from later steps, g: from this one."""
    size, one = dh.size, row.dtype.type(1)
    for j in range(size):
        r, z, n = row[j], row[size + j], row[2 * size + j]
        part = dh[j] + g[j]
        dn = part * (one - z) * (one - n * n)
        dr = dn * of_n[j] * r * (one - r)
        dz = part * (before[j] - n) * z * (one - z)
        row[j], row[size + j], row[2 * size + j] = dr, dz, dn
        own[j], own[size + j], own[2 * size + j] = dr, dz, dn * r
        dh[j] = part * z


@jit(fastmath=True)
def gru_backward_rows(g, gates, kept, blocks, order, live, found, rows):
    """`gru_backward` for the sequences rows[0] .. rows[1] - 1."""
    (before, shared), (d_states, dh), (first, last) = kept, found, rows
    parts = np.empty((blocks.shape[0], last - first, dh.shape[1]), gates.dtype)
    room = np.empty((last - first, blocks.shape[3]), gates.dtype)
    for t in order[::-1]:
        for b in range(first, last):
            if live.size == 0 or live[b, t]:
                gru_cell_backward(gates[b, t], d_states[b, t], shared[b, t], before[b, t], g[b, t], dh[b])
            else:  # padding: the gradient passes unchanged
                gates[b, t], d_states[b, t] = 0, 0
                dh[b] += g[b, t]
            spread(d_states[b, t], parts, b - first)
        add_product(parts, blocks, room, dh[first:last])


@jit(parallel=True)
def gru_backward(g, gates, kept, blocks, order, live, found, size):
    """All steps backwards, `size` sequences a turn.

    g        (B, T, H); gates (B, T, 3 H), become the gradients of the input shares
    kept     as gru_forward leaves it; blocks as from backward_blocks
    found    d_states (B, T, 3 H), those of the state shares; dh (B, H), zeros that become dL/dh0
    """
    batch = gates.shape[0]
    for turn in prange(-(-batch // size)):
        rows = turn * size, min(batch, turn * size + size)
        gru_backward_rows(g, gates, kept, blocks, order, live, found, rows)
