"""A norm and a gate for each head, behind any weights."""

import numpy as np

from ...autodiff import ops
from ...nn import Parameter, RMSNorm
from ...nn.checks import check_sizes
from .base import Weights
from .softmax import Softmax


class GatedNorm(Weights):
    """What a head gathered, o, becomes n sigmoid(w_g . n + b_g), n = RMSNorm(o): a gate a head and token.

    d_head    length of o, of the norm's gain and of w_g; all heads share them. w_g and b_g start at 0
    weights   whose weights gather, default Softmax()
    A head that found nothing of use can be shut, without moving the scale of the others.
    Source: arXiv 2504.00927, section 3.3. Ours: no factor by the depth of the layer.
    """

    def __init__(self, d_head, weights=None):
        check_sizes("GatedNorm", d_head=d_head)
        self.weights = Softmax() if weights is None else weights
        self.by_place = self.weights.by_place
        self.d_head, self.sums_to_one = d_head, self.weights.sums_to_one
        self.norm, self.w_g, self.b_g = (
            RMSNorm(d_head),
            Parameter(np.zeros((d_head, 1))),
            Parameter(np.zeros(1)),
        )

    def forward(self, t):
        return self.weights(t)

    def finish(self, heads):
        normed = self.norm(self.weights.finish(heads))
        return normed * ops.sigmoid(normed @ self.w_g + self.b_g)
