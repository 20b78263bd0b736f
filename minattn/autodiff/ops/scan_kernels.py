"""What the compiled scans share: rows that know nothing of each other, and products with one matrix.

The sequences of a batch do not meet: each thread walks through all steps with a few of them, and never
waits for another. At every step it multiplies few rows by the same W_h. BLAS puts a large matrix into
an order of its own before it multiplies, here more work than the product itself. Small matrices it takes
as they are: so W_h lies ready in blocks of WIDTH columns. A product of 16 rows went 2.5 times as fast.

Arrays keep the order of the batch, (B, T, ..); a kernel walks along `order`, the steps' places in time.
"""

import numpy as np

from ...backends import Declined, dispatch, jit, threads
from .kernel_math import MIXED, dense, same_float
from .linalg import FEW, linear
from .scan import is_cut

WIDTH = 64  # columns of a block
FEWEST, MOST = 4, 16  # sequences that a thread takes at once
SMALL = 1 << 16  # numbers in W_h; below, a single step is faster as array code
PER_ROW = 1 << 15  # numbers in W_h whose blocks are worth their making for each sequence and step


def _in_blocks(matrices):
    """(P, K, N) -> (P, blocks, K, width), in C order; zeros fill up the last block."""
    parts, depth, columns = matrices.shape
    count = -(-columns // WIDTH)
    width = columns if count <= 1 else -(-columns // (16 * count)) * 16  # whole vectors
    if count * width > columns:
        matrices = np.pad(matrices, ((0, 0), (0, 0), (0, count * width - columns)))
    return dense(matrices.reshape(parts, depth, count, width).swapaxes(1, 2))


def state_weights(w_h, b_h, h0, steps):
    """(blocks of W_h^T, what the state shares begin with, (B, G H)) for the forward scan.

    For one step, blocks are not worth their making: there are none, and its share is ready.
    """
    if steps == 1:
        return _in_blocks(w_h.T[None, :, :0]), dense(_linear(h0, w_h, b_h))
    begin = np.zeros((len(h0), len(w_h)), h0.dtype)
    if b_h is not None:
        begin += b_h
    return _in_blocks(w_h.T[None]), begin


def backward_blocks(w_h, steps):
    """W_h in blocks for (dL/d gates) W_h, one part for each gate; none for one step."""
    size = w_h.shape[1]
    return _in_blocks(w_h.reshape(-1, size, size)[:, :, : size if steps > 1 else 0])


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


def share(batch):
    """How many sequences a thread takes at once: equal shares."""
    turns = -(-batch // (MOST * threads())) * threads()
    return max(FEWEST, -(-batch // max(1, turns)))


def steps_of(x, valid, reverse):
    """(order, live): the places in time (T,) as the scan meets them; valid, empty where all steps count."""
    order = np.arange(x.shape[1])
    live = np.empty((0, 0), dtype=bool) if valid is None else dense(valid)
    return dense(order[::-1]) if reverse else order, live


def _linear(x, weight, bias):
    """The primitive `linear` on arrays, by its kernel where that covers them."""
    out = dispatch.run("linear", x, weight, bias)
    return linear.forward(x, weight, bias) if isinstance(out, Declined) else out


def _linear_backward(g, x, weight, bias):
    """Functions that make the gradients of x, weight and bias, by the kernel where it would go forward."""
    if x.size * weight.shape[0] < FEW:
        return linear._vjp(g, None, x, weight, bias)
    return dispatch.run("linear", g, None, x, weight, bias, part="vjp")


def input_shares(x, w_x, b_x):
    """W_x x_t + b_x for all steps, (B, T, G H)."""
    return _linear(x, w_x, b_x)


def declined(x, others, truncate):
    """Why the compiled scans do not cover the arguments; None where they do. others[1] is W_h."""
    (batch, steps), size = x.shape[:2], others[1].size
    if not same_float(x, *others):
        return Declined(MIXED)
    if is_cut(truncate, steps):
        return Declined("gradients are cut off after some steps")
    if steps == 1 and size < SMALL:
        return Declined("one small step")
    if batch * steps < size // PER_ROW:
        return Declined("too few steps and sequences for so large a W_h")
    return None


def argument_gradients(d_inputs, d_states, before, dh, arguments):
    """Gradients of x, w_x, w_h, b_x, b_h and h0, or functions that make them.

    d_inputs, d_states   (B, T, G H), of the input shares and of the state shares; may be the same array
    before               (B, T, H), the states that the state shares were made from
    dh                   (B, H), what the scan left; for one step it lacks the product with W_h
    arguments            (x, w_x, w_h, b_x, b_h)
    """
    x, w_x, w_h, b_x, b_h = arguments
    one = d_inputs is d_states  # then both biases have the same gradient
    for_x, for_w_x, for_b_x = _linear_backward(d_inputs, x, w_x, b_h if one and b_x is None else b_x)
    for_before, for_w_h, for_b_h = _linear_backward(d_states, before, w_h, None if one else b_h)
    for_h0 = (lambda: dh + for_before()[:, 0]) if x.shape[1] == 1 else dh
    return for_x, for_w_x, for_w_h, for_b_x, for_b_x if one else for_b_h, for_h0
