"""Rotary positions."""

from ...autodiff import as_tensor, ops
from ...backends import xp
from ...errors import ArgumentError, ShapeError
from ...nn.checks import check_sizes
from .base import Position


class Rotary(Position):
    """Turn coordinates 2i and 2i+1 of q and k by pos * base^(-2i/d), as a pair: q . k then sees the distance.

    d_head   even
    base     the slowest pair turns once in about 2 pi base places
    Source: arXiv 2104.09864, equations 15 and 34.
    """

    def __init__(self, d_head, base=10000.0):
        check_sizes("Rotary", d_head=d_head)
        if d_head % 2:
            raise ArgumentError(
                f"Rotary({d_head})",
                expected="an even d_head",
                got=d_head,
                hint="choose n_heads so that d_model / n_heads is even",
            )
        self.d_head, self.base = d_head, base

    def turn(self, x, positions):
        """x (B,H,T,d_head) turned by `positions` (T,); lengths stay as they are."""
        if x.shape[-1] != self.d_head:
            raise ShapeError(
                f"Rotary({self.d_head})",
                expected=f"(B, H, T, {self.d_head})",
                got=x.shape,
                hint=f"Rotary({x.shape[-1]})",
            )
        speeds = self.base ** (-xp.arange(0, self.d_head, 2) / self.d_head)
        angles = positions[:, None] * speeds  # (T, d/2)
        cos, sin = as_tensor(xp.cos(angles)), as_tensor(xp.sin(angles))
        even, odd = x[..., 0::2], x[..., 1::2]
        pairs = ops.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
        return ops.reshape(pairs, x.shape)

    def rotate(self, t):
        return self.turn(t.q, t.q_pos), self.turn(t.k, t.k_pos)
