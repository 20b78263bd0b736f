"""Attention with linear biases."""

import math

from ...backends import xp
from ...errors import ArgumentError
from .base import Position


def _slopes(n):
    """n slopes: 2^(-8/n), 2^(-16/n), ..; between two powers of two, every other one of the next power fills up."""
    power = 2 ** math.floor(math.log2(n))
    first = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return first + [2 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * power, 2)][: n - power]


class ALiBi(Position):
    """Subtract slope * distance from each score: nearer keys win, each head with its own sharpness.

    n_heads   H; the slopes are fixed, there is nothing to learn
    Works at any length. Source: arXiv 2108.12409, section 3.
    """

    def __init__(self, n_heads):
        if n_heads < 1:
            raise ArgumentError("ALiBi(n_heads)", expected="n_heads >= 1", got=n_heads, hint="ALiBi(4)")
        self.n_heads, self.slopes = n_heads, tuple(_slopes(n_heads))

    def fits(self, attention):
        heads = getattr(attention.projection, "n_heads", self.n_heads)
        if heads != self.n_heads:
            raise ArgumentError(f"ALiBi({self.n_heads})", expected=f"{heads} heads", got=self.n_heads, hint=f"ALiBi({heads})")

    def bias(self, t):
        distance = abs(t.q_pos[:, None] - t.k_pos[None, :])
        slopes = xp.asarray(self.slopes, dtype=t.q.dtype)[:, None, None]
        return -slopes * distance.astype(t.q.dtype)
