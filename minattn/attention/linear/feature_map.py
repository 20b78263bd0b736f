"""Feature maps: what becomes of queries and keys before they meet as plain products."""

from ...autodiff import ops
from ...nn import Module


class Each(Module):
    """The same function on queries and on keys.

    phi   (B,H,T,d) -> (B,H,T,F)
    A feature map takes q and k and returns both: some look at one to scale the other.
    """

    def __init__(self, phi):
        self.phi = phi

    def forward(self, q, k):
        return self.phi(q), self.phi(k)


def elu_plus_one(x):
    """exp(x) below 0, x + 1 above: always positive. Source: arXiv 2006.16236, equation 7."""
    return ops.where(x.data >= 0, x + 1, ops.exp(ops.minimum(x, 0.0)))


def unit_silu(x):
    """silu(x), scaled to length 1. Source: arXiv 2406.06484, section 3.3."""
    y = ops.silu(x)
    return y * (ops.sum(y * y, axis=-1, keepdims=True) + 1e-6) ** -0.5
