"""Rotary positions."""

from ...autodiff import ops
from ...autodiff.tensor import as_array, default_dtype
from ...backends import on_device, xp
from ...errors import ArgumentError, ShapeError
from ...nn.checks import check_sizes
from .base import Position

FAR = 1 << 16  # places from here on are computed where they are needed, so that no table grows without end


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
        self.d_head, self.base, self._table = d_head, base, (None, None)

    def turn(self, x, positions):
        """x (B,H,T,d_head) turned by `positions` (T,); lengths stay as they are."""
        if x.shape[-1] != self.d_head:
            raise ShapeError(
                f"Rotary({self.d_head})",
                expected=f"(B, H, T, {self.d_head})",
                got=x.shape,
                hint=f"Rotary({x.shape[-1]})",
            )
        cos, sin = self._kept(positions)
        return ops.rotary(x, cos, sin)

    def rotate(self, t):
        keys = self.turn(t.k, t.k_pos) if t.cache is None else t.cache.turned(t, self)
        return self.turn(t.q, t.q_pos), keys

    def angles_at(self, place):
        """cos and sin (1, d_head/2) of the angles at one place."""
        if not 0 <= place < FAR:
            return self._angles(xp.arange(place, place + 1))
        cos, sin = self._table_to(place)
        return cos[place : place + 1], sin[place : place + 1]

    def _kept(self, positions):
        """cos and sin (T, d_head/2) of the angles; those of places 0, 1, .. are computed once and kept."""
        if on_device() or positions.dtype.kind not in "iu" or positions.size == 0:
            return self._angles(positions)
        if positions.size == 1:
            return self.angles_at(int(positions[0]))
        if positions.min() < 0 or (last := int(positions.max())) >= FAR:
            return self._angles(positions)
        cos, sin = self._table_to(last)
        return cos[positions], sin[positions]

    def _table_to(self, last):
        """cos and sin of the places 0 to `last` and more."""
        cos, sin = self._table
        if cos is None or len(cos) <= last or cos.dtype != default_dtype():
            self._table = cos, sin = self._angles(xp.arange(max(64, 2 * (last + 1))))
        return cos, sin

    def _angles(self, positions):
        speeds = self.base ** (-xp.arange(0, self.d_head, 2) / self.d_head)
        angles = positions[:, None] * speeds
        return as_array(xp.cos(angles)), as_array(xp.sin(angles))
