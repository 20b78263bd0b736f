"""What the compiled scans share: rows that know nothing of each other, and products with one matrix.

The sequences of a batch do not meet: each thread walks through all steps with a few of them, and never
waits for another. At every step it multiplies few rows by the same W_h. BLAS puts a large matrix into
an order of its own before it multiplies, here more work than the product itself. Small matrices it takes
as they are: so W_h lies ready in blocks of WIDTH columns. A product of 16 rows went 2.5 times as fast.

Arrays keep the order of the batch, (B, T, ..); a kernel walks along `order`, the steps' places in time.
"""

import functools

import numpy as np

from ...backends import Declined, dispatch, jit, threads
from .kernel_math import dense, same_float
from .linalg import linear
from .scan import is_cut

WIDTH = 64  # columns of a block
FEWEST, MOST = 4, 16  # sequences that a thread takes at once


def _in_blocks(matrices):
    """(P, K, N) -> (P, blocks, K, width), in C order; zeros fill up the last block."""
    parts, depth, columns = matrices.shape
    count = max(1, -(-columns // WIDTH))
    width = columns if count == 1 else -(-columns // (16 * count)) * 16  # whole vectors
    if count * width > columns:
        matrices = np.pad(matrices, ((0, 0), (0, 0), (0, count * width - columns)))
    return dense(matrices.reshape(parts, depth, count, width).swapaxes(1, 2))


def forward_blocks(w_h):
    """W_h (G H, H) for h W_h^T: one part, H rows, blocks of its G H columns."""
    return _in_blocks(w_h.T[None])


def backward_blocks(w_h):
    """W_h for (dL/d gates) W_h: one part for each gate."""
    size = w_h.shape[1]
    return _in_blocks(w_h.reshape(-1, size, size))


@jit(fastmath=True)
def add_product(parts, blocks, room, out):
    """out (rows, N) += the sum over p of parts[p] (rows, K) times the matrix that blocks[p] hold.

    room   (rows, width), for the product of one block
    """
    width = blocks.shape[3]
    for p in range(blocks.shape[0]):
        for n in range(blocks.shape[1]):
            np.dot(parts[p], blocks[p, n], room)
            first = n * width
            for i in range(out.shape[0]):
                to, more = out[i, first : first + width], room[i]
                for j in range(to.size):
                    to[j] += more[j]


@jit
def spread(row, parts, i):
    """The gates of sequence i, (G H,), become row i of each of the parts (G, rows, H)."""
    size = parts.shape[2]
    for gate in range(parts.shape[0]):
        to, those = parts[gate, i], row[gate * size : (gate + 1) * size]
        for j in range(size):
            to[j] = those[j]


def both(b_x, b_h):
    """The sum of two biases, either of which may be None."""
    return b_x if b_h is None else b_h if b_x is None else b_x + b_h


def share(batch):
    """How many sequences a thread takes at once: equal shares."""
    turns = -(-batch // (MOST * threads())) * threads()
    return max(FEWEST, -(-batch // max(1, turns)))


def steps_of(x, valid, reverse):
    """(order, live): the places in time (T,) as the scan meets them; valid, empty where all steps count."""
    order = np.arange(x.shape[1])
    live = np.empty((0, 0), dtype=bool) if valid is None else dense(valid)
    return dense(order[::-1]) if reverse else order, live


def input_shares(x, weight, bias):
    """W_x x_t + bias for all steps, (B, T, G H), by the kernel of `linear` where that covers them."""
    out = dispatch.run("linear", x, weight, bias)
    return linear.forward(x, weight, bias) if isinstance(out, Declined) or out is NotImplemented else out


def _linear_backward(g, x, weight, bias):
    """Functions that make the gradients of x, weight and bias (None without a bias)."""
    parts = dispatch.run("linear", g, None, x, weight, bias, part="vjp")
    return linear._vjp(g, None, x, weight, bias) if isinstance(parts, Declined) else parts


def declined(x, others, truncate):
    """Why the compiled scans do not cover the arguments; None where they do."""
    if not same_float(x, *others):
        return Declined("not all float32, or all float64")
    return Declined("gradients are cut off after some steps") if is_cut(truncate, x.shape[1]) else None


def argument_gradients(d_inputs, d_states, before, arguments):
    """Functions for the gradients of x, w_x, w_h, b_x, b_h; arguments = those five.

    d_inputs, d_states   (B, T, G H), of the input shares and of the state shares; may be the same array
    before               (B, T, H), the states that the state shares were made from
    """
    x, w_x, w_h, b_x, b_h = arguments
    for_x, for_w_x, for_b_x = _linear_backward(d_inputs, x, w_x, b_x)
    _, for_w_h, for_b_h = _linear_backward(d_states, before, w_h, b_h)
    if d_inputs is d_states and b_x is not None and b_h is not None:
        for_b_x = for_b_h = functools.cache(for_b_x)
    return for_x, for_w_x, for_w_h, for_b_x, for_b_h
