"""Relative positions."""

import math

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Parameter, init
from .base import Position


class Relative(Position):
    """A learned vector for each clipped distance, added to keys and to values.

    e_ij = q_i . (k_j + a^K_r) / sqrt(d),  z_i = sum_j w_ij (v_j + a^V_r),  r = clip(j - i, -max_distance, max_distance)

    d_head         length of the vectors, shared by all heads
    max_distance   places further apart share the vector of the furthest
    Source: arXiv 1803.02155, equations 3 to 5.
    """

    fuses = False

    def __init__(self, d_head, max_distance, *, rng):
        if max_distance < 0:
            raise ArgumentError("Relative(max_distance)", expected=">= 0", got=max_distance, hint="Relative(d, 8, rng=rng)")
        self.d_head, self.max_distance = d_head, max_distance
        self.keys = Parameter(init.normal(rng, (2 * max_distance + 1, d_head), 0.1))
        self.values = Parameter(init.normal(rng, (2 * max_distance + 1, d_head), 0.1))

    def _distance(self, t):
        """(T,S) integers in 0..2*max_distance."""
        away = t.k_pos[None, :] - t.q_pos[:, None]
        return xp.clip(away, -self.max_distance, self.max_distance) + self.max_distance

    def bias(self, t):
        by_distance = (t.q * (1 / math.sqrt(self.d_head))) @ self.keys.T  # (B,H,T,R): once a distance, not once a pair
        index = xp.broadcast_to(self._distance(t), (*t.q.shape[:3], t.k.shape[2]))
        return ops.take_along_axis(by_distance, index, axis=-1)

    def gather(self, t):
        shape = (*t.weights.shape[:3], 2 * self.max_distance + 1)
        index = xp.broadcast_to(self._distance(t), t.weights.shape)
        by_distance = ops.scatter_add(xp.zeros(shape, dtype=t.weights.dtype), index, t.weights, axis=-1)
        return by_distance @ self.values
