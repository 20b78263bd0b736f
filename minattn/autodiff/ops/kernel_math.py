"""What the kernel bodies share: functions of one number, and arrays in the form that compiled code wants.

The functions have no branches that a loop could trip over, so a compiled loop around them becomes
vector instructions. `type(x)` keeps float32 in float32: a plain 0.5 would turn the sum into float64.
"""

import numpy as np

from ...backends import jit

MIXED = "the arguments are not all float32 or all float64"  # why a kernel declines where same_float is False
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def rows(array):
    """An array of any shape as the rows of its last axis, in the form for a kernel."""
    return dense(array.reshape(-1, array.shape[-1]))


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

    x = n ln 2 + f with a whole n: 2 ** n is written into the exponent bits of a float32, e ** f is its
    Taylor series, |f| <= ln(2) / 2. ln 2 is subtracted in two parts, a short one whose product with n
    is exact, and the small rest.
    """
    real = type(x)
    vanishes = x < real(-83)
    x = real(0) if vanishes else x
    n = np.floor(x * real(1.4426950408889634) + real(0.5))
    f = x - n * real(0.693359375) + n * real(2.12194440054690583e-4)
    tail = real(0)
    if real(1) + real(1e-12) > real(1):  # float64; float32 cannot see the terms after f ** 7
        tail = f * (real(1 / 479001600) + f * real(1 / 6227020800))
        tail = f * (real(1 / 39916800) + tail)
        tail = f * (real(1 / 3628800) + tail)
        tail = f * (real(1 / 362880) + tail)
        tail = f * (real(1 / 40320) + tail)
    tail = f * (real(1 / 5040) + tail)
    tail = f * (real(1 / 720) + tail)
    tail = f * (real(1 / 120) + tail)
    tail = f * (real(1 / 24) + tail)
    tail = f * (real(1 / 6) + tail)
    tail = f * (real(1 / 2) + tail)
    tail = real(1) + f * (real(1) + tail)
    n = n if n == n else real(0)  # nan has no bits to shift; it stays in the tail
    power = np.int32((np.int32(n) + 127) << 23).view(np.float32)
    return real(0) if vanishes else tail * real(power)


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


@jit
def add_sigmoid(row, more):
    """row = sigmoid(row + more), in place; a function of two rows becomes vector instructions."""
    for j in range(row.size):
        row[j] = sigmoid(row[j] + more[j])


@jit
def add_tanh(row, more):
    """row = tanh(row + more), in place."""
    for j in range(row.size):
        row[j] = tanh(row[j] + more[j])


@jit(fastmath=True)
def largest(row):
    """max(row)."""
    top = row[0]
    for j in range(row.size):
        top = max(top, row[j])
    return top


@jit(fastmath=True)
def exp_sum(row, top):
    """row = exp(row - top), in place; returns its sum."""
    total = row.dtype.type(0)
    for j in range(row.size):
        e = exp(row[j] - top)
        row[j] = e
        total += e
    return total
