"""A step of Adam in one pass over all parameters, where the array version makes a dozen.

    m <- b1 m + (1 - b1) g        s <- b2 s + (1 - b2) g^2
    w <- keep w - rate m / (sqrt(s) / root + eps)

rate is lr / (1 - b1^t), root is sqrt(1 - b2^t), keep the share of the old value that stays (1 - lr decay).
Everything is read once and written once.
"""

import numpy as np

from ..backends import Declined, jit, prange

PIECE = 4096  # numbers a turn


@jit
def adam_piece(value, grad, mean, square, numbers):
    """The equations on a piece; such a loop, without other work around it, becomes vector instructions."""
    b1, rest1, b2, rest2, rate, unroot, keep, eps = numbers
    for i in range(value.size):
        m = b1 * mean[i] + rest1 * grad[i]
        s = b2 * square[i] + rest2 * grad[i] * grad[i]
        mean[i], square[i] = m, s
        value[i] = keep * value[i] - rate * m / (np.sqrt(s) * unroot + eps)


@jit(parallel=True)
def adam_flat(value, grad, mean, square, numbers):
    """adam_piece over all of the arrays (n,), piece by piece."""
    for turn in prange(-(-value.size // PIECE)):
        part = slice(turn * PIECE, turn * PIECE + PIECE)
        adam_piece(value[part], grad[part], mean[part], square[part], numbers)


def adam(value, grad, mean, square, numbers):
    """Change value, mean and square (n,) in place.

    numbers   (b1, 1 - b1, b2, 1 - b2, rate, 1 / root, keep, eps), of which the differences come ready made:
              1 - 0.999 in float32 is wrong in the fifth digit
    """
    if value.dtype not in (np.float32, np.float64):
        return Declined("the parameters are neither float32 nor float64")
    adam_flat(value, grad, mean, square, tuple(map(value.dtype.type, numbers)))
