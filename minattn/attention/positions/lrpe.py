"""Linearised relative positions."""

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...nn import Parameter
from ...nn.checks import check_sizes
from .base import Position


class LRPE(Position):
    """Twice as many features: x at place p becomes [x cos(p theta); x sin(p theta)].

        q . k = sum_c q_c k_c cos(theta_c (p_q - p_k))

    The product sees the distance alone, and queries and keys are turned each by itself, so that it fits a
    state. In contrast to Rotary, every feature has an angle of its own, and the angles are learned.

    n_features   F of the features that it turns
    theta        (F,), starts at base^(-2c / F)
    Source: arXiv 2307.14995, section 3.1 (LRPE-d, without its decay).
    """

    fuses = False  # the angles need gradients

    def __init__(self, n_features, base=10000.0):
        check_sizes("LRPE", n_features=n_features)
        self.theta = Parameter(base ** (-2 * np.arange(n_features) / n_features))

    def turn(self, x, positions):
        """x (B,H,T,F) at `positions` (T,) -> (B,H,T,2F)."""
        angles = xp.asarray(positions, dtype=x.dtype)[:, None] * self.theta
        return ops.concatenate([x * ops.cos(angles), x * ops.sin(angles)], axis=-1)

    def rotate(self, t):
        return self.turn(t.q, t.q_pos), self.turn(t.k, t.k_pos)
