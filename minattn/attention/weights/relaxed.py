"""Weights mixed with the uniform distribution."""

from ...autodiff import as_tensor
from ...backends import xp
from ...errors import ArgumentError
from ...nn.init import check_rng
from .base import Weights


class Relaxed(Weights):
    """Any weights A, smoothed towards uniform: no allowed key gets less than gamma / n.

        (1 - gamma) A + gamma / n,   n = the keys that this query may attend to

    inner      the Weights that are relaxed
    gamma      in [0, 1]; 0 leaves A as it is, 1 attends to all allowed keys alike
    matched    True: in eval mode too. False, the paper's default: in training only
    fuzzy      sigma >= 0: in training each call draws gamma from N(gamma, sigma^2), clipped to [0, 1]
    rng        Generator for `fuzzy`, else not needed
    What is gathered is (1 - gamma) times what A gathers plus gamma times the mean of v over allowed keys.
    Source: arXiv 2209.09735, equation 3. Ours: masked keys share in nothing; the clipping.
    """

    def __init__(self, inner, gamma, *, matched=False, fuzzy=0.0, rng=None):
        if not isinstance(inner, Weights):
            raise ArgumentError(
                "Relaxed(inner)", expected="Weights", got=repr(inner), hint="Relaxed(Softmax(), 0.25)"
            )
        if not (0 <= gamma <= 1 and fuzzy >= 0):
            raise ArgumentError(
                "Relaxed(gamma, fuzzy)",
                expected="0 <= gamma <= 1 and fuzzy >= 0",
                got=(gamma, fuzzy),
                hint="Relaxed(Softmax(), 0.25)",
            )
        self.inner, self.gamma, self.matched, self.fuzzy = inner, gamma, matched, fuzzy
        self.rng = check_rng("Relaxed", rng) if fuzzy else rng
        self.sums_to_one, self.by_place = inner.sums_to_one, inner.by_place

    @property
    def now(self):
        """The gamma of the next call; with `fuzzy`, each look at it in training draws another."""
        if not (self.training or self.matched):
            return 0.0
        if self.training and self.fuzzy:
            return min(max(self.rng.normal(self.gamma, self.fuzzy), 0.0), 1.0)
        return self.gamma

    def forward(self, t):
        weights, gamma = self.inner(t), self.now
        if gamma == 0:
            return weights
        allowed = xp.broadcast_to(True if t.mask is None else t.mask, weights.shape)
        n = xp.maximum(xp.sum(allowed, axis=-1, keepdims=True), 1)
        floor = gamma * (allowed / n).astype(weights.dtype)
        return (1 - gamma) * weights + as_tensor(floor)

    def finish(self, heads):
        return self.inner.finish(heads)
