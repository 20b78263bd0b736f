"""Rotary positions."""

from ...autodiff import as_tensor, ops
from ...backends import xp
from ...errors import ArgumentError
from .base import Position


class Rotary(Position):
    """Turn each pair of coordinates (2i, 2i+1) of q and k by pos * base^(-2i/d): q . k then depends on the distance.

    d_head   even
    base     the slowest pair turns once in about 2 pi base positions
    Source: arXiv 2104.09864, equations 15 and 34.
    """

    def __init__(self, d_head, base=10000.0):
        if d_head % 2:
            raise ArgumentError(
                "Rotary(d_head)", expected="an even d_head", got=d_head, hint="choose n_heads so that d_model / n_heads is even"
            )
        self.d_head, self.base = d_head, base

    def fits(self, attention):
        d = getattr(attention.projection, "d_head", None) or self.d_head
        if d != self.d_head:
            raise ArgumentError(f"Rotary({self.d_head})", expected=f"d_head {d}", got=self.d_head, hint=f"Rotary({d})")

    def turn(self, x, positions):
        """x (B,H,T,d) turned by `positions` (T,); lengths stay as they are."""
        speeds = self.base ** (-xp.arange(0, self.d_head, 2) / self.d_head)
        angles = positions[:, None] * speeds  # (T, d/2)
        cos, sin = as_tensor(xp.cos(angles)), as_tensor(xp.sin(angles))
        even, odd = x[..., 0::2], x[..., 1::2]
        pairs = ops.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
        return ops.reshape(pairs, x.shape)

    def rotate(self, t):
        return self.turn(t.q, t.q_pos), self.turn(t.k, t.k_pos)
