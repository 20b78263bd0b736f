"""Predictive local weights (local-p)."""

import math

from ...autodiff import as_tensor, ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .base import Weights


class LocalGaussian(Weights):
    """Softmax in a window around a predicted place p, times a bell curve around it.

        p = S sigmoid(v_p^T tanh(W_p q))
        w(s) = softmax(score)(s) exp(-(s - p)^2 / (2 sigma^2)),  sigma = D / 2

    d_query   length of the queries; w_p is (d_query, d_query), v_p (d_query, 1)
    half      D > 0: keys further than D from p get 0; math.inf: no window and no bell, plain softmax
    S counts the real keys of each row. The product is not renormalised, so rows sum to at most 1.
    Leaves p in t.extra["center"] (B,H,T,1), in places. Source: arXiv 1508.04025, equations 9 and 10.
    """

    sums_to_one, by_place = False, True

    def __init__(self, d_query, half, *, rng):
        check_sizes("LocalGaussian", d_query=d_query)
        if not half > 0:
            raise ArgumentError("LocalGaussian(half)", expected="half > 0", got=half, hint="10, as the paper")
        self.d_query, self.half = d_query, half
        self.w_p = Parameter(init.glorot(rng, (d_query, d_query)))
        self.v_p = Parameter(init.glorot(rng, (d_query, 1)))

    def center(self, t):
        """p (B,H,T,1): where each query wants to look."""
        length = t.k.shape[2] if t.valid is None else xp.sum(t.valid, axis=1)[:, None, None, None]
        share = ops.sigmoid(ops.tanh(t.q @ self.w_p) @ self.v_p)
        return share * xp.asarray(length, dtype=t.q.dtype)

    def forward(self, t):
        p = t.extra["center"] = self.center(t)
        away = as_tensor(xp.asarray(t.k_pos, dtype=p.dtype)) - p  # (B,H,T,S)
        near = xp.abs(away.data) <= self.half
        weights = ops.softmax(t.scores, near if t.mask is None else near & t.mask)
        if math.isinf(self.half):
            return weights
        sigma = self.half / 2
        return weights * ops.exp(away * away * (-0.5 / sigma**2))
