"""A learned bias for each distance."""

import numpy as np

from ...backends import xp
from ...nn import Parameter
from ...nn.checks import check_sizes
from .base import Position


class DistanceBias(Position):
    """Add table[h, i - j] to the score of query i and key j: each head learns which distances it likes.

    n_heads    H
    farthest   distances from 0 to this have a number of their own; larger ones share the last one, and keys
               after the query the first
    table is (H, farthest + 1) and starts at 0.
    Source: arXiv 1910.10683, section 2.1. Ours: no wider buckets for larger distances.
    """

    fuses = False

    def __init__(self, n_heads, farthest):
        check_sizes("DistanceBias", n_heads=n_heads, farthest=farthest)
        self.n_heads, self.farthest = n_heads, farthest
        self.table = Parameter(np.zeros((n_heads, farthest + 1)))

    def bias(self, t):
        return self.radial(t, t.q_pos[:, None] - t.k_pos[None, :])

    def radial(self, t, distance):
        return self.table[:, xp.clip(distance, 0, self.farthest)]
