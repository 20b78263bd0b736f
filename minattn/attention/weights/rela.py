"""Rectified linear attention."""

import numpy as np

from ...autodiff import ops
from ...errors import ArgumentError
from ...nn import Parameter, RMSNorm
from .relu import ReLU


class ReLA(ReLU):
    """ReLU weights, with the normalisation moved to what is gathered: sigmoid(w z) * RMSNorm(z).

    z is the gathered vector of all heads side by side, so a query that attends to nothing keeps z = 0.

    d_model   H * d
    Source: arXiv 2104.07012, equations 5 to 7 (gated variant, ReLA-g).
    """

    def __init__(self, d_model):
        self.norm = RMSNorm(d_model)
        self.gate = Parameter(np.zeros(d_model))

    def fits(self, attention):
        d_model = getattr(attention.projection, "d_model", self.norm.d)
        if d_model != self.norm.d:
            raise ArgumentError(f"ReLA({self.norm.d})", expected=f"d_model {d_model}", got=self.norm.d, hint=f"ReLA({d_model})")

    def finish(self, heads):
        b, h, t, d = heads.shape
        z = ops.reshape(ops.transpose(heads, (0, 2, 1, 3)), (b, t, h * d))
        z = ops.sigmoid(self.gate * z) * self.norm(z)
        return ops.transpose(ops.reshape(z, (b, t, h, d)), (0, 2, 1, 3))
