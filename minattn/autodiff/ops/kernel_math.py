"""What the kernel bodies share: functions of one number, and arrays in the form that compiled code wants.

The functions have no branches that a loop could trip over, so a compiled loop around them becomes
vector instructions. `type(x)` keeps float32 in float32: a plain 0.5 would turn the sum into float64.
"""

import numpy as np

from ...backends import jit

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def same_float(*arrays):
    """True where all arrays that are not None are float32, or all float64: what the kernels cover."""
    kinds = {a.dtype for a in arrays if a is not None}
    return len(kinds) == 1 and kinds.pop() in _FLOATS


def dense(array):
    """`array` in C order, aligned and writeable: one form, so that a kernel is compiled once."""
    return array if array.flags.carray else np.array(array, order="C")


@jit
def exp(x):
    """e ** x for x < 88, exactly 0 below e ** -83 (numbers near the smallest make processors slow).

    x = n ln 2 + f with a whole n: 2 ** n is written into the exponent bits of a float32, e ** f is a
    Taylor polynomial of degree 12, right to the last bits of float64 for |f| <= ln(2) / 2. ln 2 is
    subtracted in two parts, a short one whose product with n is exact, and the small rest.
    """
    real = type(x)
    vanishes = x < real(-83)
    x = real(0) if vanishes else x
    n = np.floor(x * real(1.4426950408889634) + real(0.5))
    f = x - n * real(0.693359375) + n * real(2.12194440054690583e-4)
    tail = real(1) + f * real(1 / 12)
    tail = real(1) + f * tail * real(1 / 11)
    tail = real(1) + f * tail * real(1 / 10)
    tail = real(1) + f * tail * real(1 / 9)
    tail = real(1) + f * tail * real(1 / 8)
    tail = real(1) + f * tail * real(1 / 7)
    tail = real(1) + f * tail * real(1 / 6)
    tail = real(1) + f * tail * real(1 / 5)
    tail = real(1) + f * tail * real(1 / 4)
    tail = real(1) + f * tail * real(1 / 3)
    tail = real(1) + f * tail * real(1 / 2)
    power = np.int32((np.int32(n) + 127) << 23).view(np.float32)
    return real(0) if vanishes else (real(1) + f * tail) * real(power)


@jit
def sigmoid(x):
    """1 / (1 + e ** -x)."""
    real = type(x)
    x = real(-80) if x < real(-80) else x
    return real(1) / (real(1) + exp(-x))


@jit
def tanh(x):
    """2 sigmoid(2x) - 1."""
    real = type(x)
    return real(2) * sigmoid(real(2) * x) - real(1)
