"""Predictive local weights (local-p)."""

import math

from ...autodiff import as_tensor, ops
from ...backends import xp
from ...nn import Parameter, init
from .base import Weights


class LocalGaussian(Weights):
    """Softmax in a window around a predicted place, times a bell curve around it.

    p = S sigmoid(v_p^T tanh(W_p q)),  a(s) = softmax(score)(s) exp(-(s - p)^2 / (2 sigma^2)),  sigma = D / 2

    d_query   length of the queries
    half      D: keys further than D from p get 0
    S counts the real keys of each row. The product is not renormalised, so rows sum to at most 1.
    p is left in t.extra["center"] (B,H,T,1), in positions. Source: arXiv 1508.04025, equations 9 and 10.
    """

    sums_to_one = False

    def __init__(self, d_query, half, *, rng):
        self.half = half
        self.w_p = Parameter(init.glorot(rng, (d_query, d_query)))
        self.v_p = Parameter(init.glorot(rng, (d_query, 1)))

    def forward(self, t):
        length = t.k.shape[2] if t.valid is None else xp.sum(t.valid, axis=1)[:, None, None, None]
        center = ops.sigmoid(ops.tanh(t.q @ self.w_p) @ self.v_p) * as_tensor(xp.asarray(length, dtype=t.q.dtype))
        t.extra["center"] = center
        away = as_tensor(xp.asarray(t.k_pos, dtype=t.q.dtype)) - center  # (B,H,T,S)
        near = xp.abs(away.data) <= self.half
        near = near if t.mask is None else near & t.mask
        bell = ops.exp(away * away * (-0.5 / self._sigma() ** 2)) if math.isfinite(self.half) else 1.0
        return ops.softmax(t.scores, near) * bell

    def _sigma(self):
        return self.half / 2
