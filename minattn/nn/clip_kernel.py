"""Clipping: the square of a gradient's length, and the gradient made shorter, over the pool of threads.

    |g|^2 = sum_i g_i^2        g <- c g

One pass each. A piece is summed in the gradient's own precision, the pieces in float64.
"""

import numpy as np

from ..backends import Declined, jit, kernel, prange

PIECE = 4096  # numbers a turn
SMALL = 1 << 17  # numbers; below, one call of NumPy takes less time


@jit(fastmath=True)
def squares_of_piece(grad):
    """The sum of squares; in any order, so that it becomes vector instructions."""
    total = grad.dtype.type(0)
    for i in range(grad.size):
        total += grad[i] * grad[i]
    return total


@jit(parallel=True)
def squares(grad, sums):
    """sums[t] = the sum of squares of piece t of grad (n,)."""
    for turn in prange(sums.size):
        sums[turn] = squares_of_piece(grad[turn * PIECE : turn * PIECE + PIECE])


@jit
def times_piece(grad, factor, out):
    """out = factor grad; such a loop, without other work around it, becomes vector instructions."""
    for i in range(grad.size):
        out[i] = factor * grad[i]


@jit(parallel=True)
def times(grad, factor, out):
    """times_piece over all of the arrays (n,), piece by piece."""
    for turn in prange(-(-grad.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        times_piece(grad[part], factor, out[part])


def _refused(grad):
    """Why the kernels leave a gradient to NumPy, or None."""
    if grad.size < SMALL:
        return Declined("a small gradient")
    fits = grad.flags.carray and grad.dtype in (np.float32, np.float64)
    return None if fits else Declined("not a whole array of float32 or float64")


@kernel("sum of squares", "numba")
def _(grad):
    if refused := _refused(grad):
        return refused
    sums = np.empty(-(-grad.size // PIECE))
    squares(grad.reshape(-1), sums)
    return sums.sum()


@kernel("scale", "numba")
def _(grad, factor):
    if refused := _refused(grad):
        return refused
    out = np.empty_like(grad)
    times(grad.reshape(-1), grad.dtype.type(factor), out.reshape(-1))
    return out
