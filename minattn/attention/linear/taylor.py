"""Taylor features: products of features that equal the first terms of exp."""

import math

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Module


class Taylor(Module):
    """phi(q) . phi(k) = 1 + s, or 1 + s + s^2 / 2, with s = scale^2 q . k: exp(s) up to a third-order rest.

        phi(x) = [1; c x; c^2 vec(x x^T) / sqrt(2)]        c = scale

    order      1 or 2; the second order is at least 1/2 everywhere, the first negative below s = -1
    scale      default d^(-1/4), so that s = q . k / sqrt(d)
    symmetric  keep x_i x_j for i <= j alone: 1 + d + d (d + 1) / 2 features for 1 + d + d^2
    Source: arXiv 2402.18668, section 4.1; 2402.07901, section 2.1.

    >>> q, k = np.array([[[[1.0, 2.0]]]]), np.array([[[[2.0, 0.5]]]])
    >>> q, k = Taylor(scale=1.0)(q, k)
    >>> round(float((q.data @ k.data.swapaxes(2, 3)).item()), 4)  # 1 + 3 + 9 / 2
    8.5
    """

    def __init__(self, order=2, scale=None, symmetric=False):
        if order not in (1, 2):
            raise ArgumentError("Taylor(order)", expected="1 or 2", got=order, hint="Taylor(2)")
        self.order, self.scale, self.symmetric = order, scale, symmetric

    def forward(self, q, k):
        return self.features(q), self.features(k)

    def features(self, x):
        """(B,H,T,d) -> (B,H,T,F)."""
        d = x.shape[-1]
        x = x * (d**-0.25 if self.scale is None else self.scale)
        parts = [xp.ones((*x.shape[:-1], 1), dtype=x.dtype), x]
        if self.order == 2:
            parts.append(self._squares(x, d))
        return ops.concatenate(parts, axis=-1)

    def _squares(self, x, d):
        if self.symmetric:
            i, j = np.triu_indices(d)
            weight = xp.asarray(np.where(i == j, 1 / math.sqrt(2), 1.0), dtype=x.dtype)
            return x[..., i] * x[..., j] * weight
        both = ops.expand_dims(x, -1) * ops.expand_dims(x, -2)
        return ops.reshape(both, (*x.shape[:-1], d * d)) * (1 / math.sqrt(2))
