"""Relative positions."""

import math

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .base import Position


class Relative(Position):
    """A learned vector for each distance r = j - i, clipped to +-max_distance, added to keys and to values.

        e_ij = q_i . (k_j + a^K_r) / sqrt(d)        z_i = sum_j w_ij (v_j + a^V_r)

    d_head         length of the vectors; all heads share them
    max_distance   places further apart use the vector of the furthest
    keys, values are (2 max_distance + 1, d_head), r = -max_distance first.
    Source: arXiv 1803.02155, equations 3 to 5. Ours: q . a^K is scaled by 1/sqrt(d), whatever the score.
    """

    fuses = False

    def __init__(self, d_head, max_distance, *, rng):
        check_sizes("Relative", d_head=d_head)
        if max_distance < 0:
            raise ArgumentError(
                "Relative(max_distance)", expected=">= 0", got=max_distance, hint="Relative(8, 4, rng=rng)"
            )
        self.d_head, self.max_distance = d_head, max_distance
        self.keys = Parameter(init.normal(rng, (2 * max_distance + 1, d_head), 0.1))
        self.values = Parameter(init.normal(rng, (2 * max_distance + 1, d_head), 0.1))

    def _rows(self, t):
        """(B,H,T,S) integers: the row of the tables for each pair."""
        away = t.k_pos[None, :] - t.q_pos[:, None]
        rows = xp.clip(away, -self.max_distance, self.max_distance) + self.max_distance
        return xp.broadcast_to(rows, (*t.q.shape[:2], *rows.shape))

    def bias(self, t):
        # q . a once for each distance instead of once for each pair of tokens: (B,H,T,2 max_distance + 1)
        by_distance = (t.q * (1 / math.sqrt(self.d_head))) @ self.keys.T
        return ops.take_along_axis(by_distance, self._rows(t))

    def gather(self, t):
        nothing = xp.zeros((*t.q.shape[:3], len(self.values)), dtype=t.q.dtype)
        # The weights summed over each distance, again once for each distance instead of each pair.
        by_distance = ops.scatter_add(nothing, self._rows(t), t.weights)
        return by_distance @ self.values
