"""Contextual positions."""

import math

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Parameter
from ...nn.checks import check_sizes
from .base import Position


class CoPE(Position):
    """Count only the keys that matter: the place of key j is the number of gates open between j and query i.

        g_ij = sigmoid(q_i . k_j / sqrt(d))     p_ij = sum_{t=j..i} g_it, at most n_positions - 1
        bias_ij = q_i . e[p_ij] / sqrt(d)       between two whole places, e is interpolated

    n_positions   rows of the table e (n_positions, d_head), one for all heads
    d_head        length of the queries
    Only real keys up to the query count, so it belongs with Causal. Leaves p (B,H,T,S) in t.extra["cope"].
    Source: arXiv 2405.18719, equations 3 to 6. Ours: q . e is scaled like the score; e starts at 0.
    """

    fuses, reads_all = False, True  # keys outside a window count as well

    def __init__(self, n_positions, d_head):
        check_sizes("CoPE", n_positions=n_positions, d_head=d_head)
        if n_positions < 2:
            raise ArgumentError(
                "CoPE(n_positions)", expected="at least 2 places", got=n_positions, hint="CoPE(8, d_head)"
            )
        self.n_positions, self.d_head = n_positions, d_head
        self.table = Parameter(np.zeros((n_positions, d_head)))

    def gates(self, t):
        """(B,H,T,S) in [0, 1], 0 for keys after the query and for padding."""
        seen = t.k_pos[None, :] <= t.q_pos[:, None]
        if t.valid is not None:
            seen = seen & t.valid[:, None, None, :]
        fit = (t.q * (1 / math.sqrt(self.d_head))) @ ops.swapaxes(t.k, -1, -2)
        return ops.where(seen, ops.sigmoid(fit), 0.0)

    def count(self, gates):
        """gates (B,H,T,S) -> p of the same shape: sums from the right, at most n_positions - 1."""
        counted = ops.flip(ops.cumsum(ops.flip(gates, -1), axis=-1), -1)
        return ops.minimum(counted, float(self.n_positions - 1))

    def bias(self, t):
        p = t.extra["cope"] = self.count(self.gates(t))
        # q . e once for each place instead of once for each pair of tokens: (B,H,T,n_positions)
        by_place = (t.q * (1 / math.sqrt(self.d_head))) @ self.table.T
        low = xp.floor(p.data).astype(int)
        high = xp.minimum(low + 1, self.n_positions - 1)
        share = p - low.astype(p.dtype)  # the derivative flows through p; floor has none
        below, above = ops.take_along_axis(by_place, low), ops.take_along_axis(by_place, high)
        return below + share * (above - below)
