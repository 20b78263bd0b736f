"""Contextual positions."""

import math

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Parameter
from .base import Position


class CoPE(Position):
    """Count only the keys that matter: the position of key j is the number of gates open between j and the query i.

    g_ij = sigmoid(q_i . k_j / sqrt(d)),  p_ij = sum_{t=j..i} g_it (at most n_positions - 1),
    bias_ij = q_i . e[p_ij] / sqrt(d), where e between two whole positions is interpolated

    n_positions   rows of the table e
    d_head        length of the queries; the table is shared by all heads
    Only keys up to the query are counted, so it belongs with Causal. p is left in t.extra["cope"] (B,H,T,S).
    Source: arXiv 2405.18719, equations 3 to 6. Ours: q . e is scaled like the score.
    """

    fuses = False

    def __init__(self, n_positions, d_head):
        if n_positions < 2:
            raise ArgumentError("CoPE(n_positions)", expected="at least 2 positions", got=n_positions, hint="CoPE(8, d_head)")
        self.n_positions = n_positions
        self.table = Parameter(np.zeros((n_positions, d_head)))

    def gates(self, t):
        """(B,H,T,S) in [0, 1], 0 for keys after the query and for padding."""
        seen = t.k_pos[None, :] <= t.q_pos[:, None]
        if t.valid is not None:
            seen = seen & t.valid[:, None, None, :]
        scaled = t.q @ ops.swapaxes(t.k, -1, -2) * (1 / math.sqrt(t.q.shape[-1]))
        return ops.where(seen, ops.sigmoid(scaled), 0.0)

    def positions(self, t):
        """(B,H,T,S): p_ij, non-increasing in j."""
        counted = ops.flip(ops.cumsum(ops.flip(self.gates(t), -1), axis=-1), -1)
        return ops.minimum(counted, float(self.n_positions - 1))

    def bias(self, t):
        p = t.extra["cope"] = self.positions(t)
        low = xp.floor(p.data)
        high = xp.minimum(low + 1, self.n_positions - 1)
        by_position = t.q @ self.table.T * (1 / math.sqrt(t.q.shape[-1]))  # (B,H,T,P): once a position, not once a pair
        share = p - low  # the derivative flows through p; floor has none
        return share * ops.take_along_axis(by_position, high.astype(int)) + (1 - share) * ops.take_along_axis(
            by_position, low.astype(int)
        )
