"""Positions as a prior: how likely is it that the answer stands so far away, before any key is read?"""

import numpy as np

from ...autodiff import as_tensor, ops
from ...autodiff.tensor import grad_enabled
from ...errors import ArgumentError
from ...nn import Parameter
from .alibi import ALiBi
from .base import Position

EPS = 1e-5


class GGDPrior(Position):
    """Add the log of a prior over distance, a generalised Gaussian whose shape each head learns.

        bias_ij = -(|j - i| e^s + eps)^beta             weights = prior x likelihood / evidence

    n_heads   H; beta and s are (H,), two numbers a head
    beta      the first shape. 1: Laplace, which is ALiBi; 2: Gaussian; 0: every distance is as likely;
              below 0: near keys are pushed down, far ones all alike
    e^s starts as the slopes of ALiBi. Works at any length. Source: arXiv 2505.22842, sections 3 and 4 (BAM).
    Ours: under no_grad the fused primitive takes it, as it takes any bias by distance.

    >>> import minattn
    >>> with minattn.no_grad(): print(GGDPrior(1, beta=0.0).prior(np.array([0, 3])).numpy().tolist())
    [[-1.0, -1.0]]
    """

    def __init__(self, n_heads, *, beta=1.0):
        slopes = ALiBi(n_heads).slopes
        if not np.isfinite(beta):
            raise ArgumentError("GGDPrior(beta)", expected="a finite number", got=beta, hint="beta=1.0")
        self.n_heads = n_heads
        self.beta, self.s = Parameter(np.full(n_heads, float(beta))), Parameter(np.log(slopes))

    @property
    def fuses(self):
        return not grad_enabled()

    def mu(self, shape):
        """mu: how far before (below 0) or after the query the likeliest key stands."""
        return 0.0

    def prior(self, distance):
        """(H, *distance.shape): the log of the prior, up to a constant, at distance = q_pos - k_pos."""
        shape = (self.n_heads, *[1] * distance.ndim)
        slope, beta = ops.exp(ops.reshape(self.s, shape)), ops.reshape(self.beta, shape)
        away = ops.absolute(as_tensor(-distance.astype(self.s.dtype)) - self.mu(shape)) * slope + EPS
        return -ops.exp(beta * ops.log(away))

    def bias(self, t):
        return self.prior(t.q_pos[:, None] - t.k_pos[None, :])

    def radial(self, t, distance):
        return self.prior(distance).data


class ShiftedGGDPrior(GGDPrior):
    """A GGDPrior whose likeliest distance is learned too: mu = e^l - e^-l, with l (H,) from 0.

    Arguments as in GGDPrior. Source: arXiv 2505.22842, section 4 (with a location).
    """

    def __init__(self, n_heads, *, beta=1.0):
        super().__init__(n_heads, beta=beta)
        self.l = Parameter(np.zeros(n_heads))

    def mu(self, shape):
        l = ops.reshape(self.l, shape)
        return ops.exp(l) - ops.exp(-l)
