"""Rectified linear attention."""

import numpy as np

from ...autodiff import ops
from ...nn import Parameter, RMSNorm
from ..projections.multi_head import join_heads, split_heads
from .relu import ReLU


class ReLA(ReLU):
    """ReLU weights, with the normalisation moved to what is gathered: sigmoid(w z) * RMSNorm(z).

    z is what all heads gathered, side by side: a query that attends to nothing keeps z = 0.

    d_model   H * d, the length of z, of w (`gate`, starts at 0) and of the norm's gain
    Source: arXiv 2104.07012, equations 5 to 7 (the gated variant, ReLA-g).
    """

    def __init__(self, d_model):
        self.norm = RMSNorm(d_model)
        self.d_model, self.gate = d_model, Parameter(np.zeros(d_model))

    def finish(self, heads):
        z = join_heads(heads)
        return split_heads(ops.sigmoid(self.gate * z) * self.norm(z), heads.shape[1])
