"""Attention with linear biases."""

import math

from ...backends import xp
from ...nn.checks import check_sizes
from .base import Position


def _slopes(n):
    """2^(-8/n), 2^(-16/n), ..; where n is no power of two, every other slope of the next power fills up."""
    power = 2 ** math.floor(math.log2(n))
    first = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return first + [2 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * power, 2)][: n - power]


class ALiBi(Position):
    """Subtract slope * |i - j| from each score: nearer keys win, each head with its own sharpness.

    n_heads   H; the slopes are fixed, there is nothing to learn
    Works at any length. Source: arXiv 2108.12409, section 3. Ours: also for keys after the query.

    >>> ALiBi(2).slopes
    (0.0625, 0.00390625)
    """

    def __init__(self, n_heads):
        check_sizes("ALiBi", n_heads=n_heads)
        self.n_heads, self.slopes = n_heads, tuple(_slopes(n_heads))

    def bias(self, t):
        return self.radial(t, t.q_pos[:, None] - t.k_pos[None, :])

    def radial(self, t, distance):
        slopes = xp.asarray(self.slopes, dtype=t.q.dtype).reshape(-1, *[1] * distance.ndim)
        return -slopes * abs(distance).astype(t.q.dtype)
