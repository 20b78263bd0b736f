"""Log-normal features: exponentials that spread the weights as far as softmax would."""

import numpy as np

from ...autodiff import ops
from ...backends import asnumpy
from ...errors import ArgumentError
from ...nn import Module


class LogNormal(Module):
    """phi(q) = exp(alpha q), phi(k) = exp(beta k), with alpha and beta from the spread of q and k.

        a (alpha^2 sq^2 + beta^2 sk^2) + b = sq^2 sk^2, alpha sq = beta sk

    The right side is the variance of softmax's scores q . k / sqrt(d), the left side that of the log weights
    here. sq and sk are the standard deviations of the batch in training, which no gradient reaches, and their
    running means after it, so that decoding needs no other token.

    a, b       how the variance of the log weights grows with s^2 = alpha^2 sq^2 + beta^2 sk^2: `calibrate(d)`
    momentum   share of the newest batch in the running means, which start at 1
    Source: arXiv 2311.13541, sections 4.1 and 4.2. Ours: the largest alpha q of a token is taken away, which
    changes no weight; the running means, which `state_dict` does not hold.
    """

    def __init__(self, a, b, momentum=0.1):
        if not a > 0 >= b:
            raise ArgumentError("LogNormal(a, b)", expected="a > 0 >= b", got=(a, b), hint="calibrate(d)")
        self.a, self.b, self.momentum, self.spread = a, b, momentum, (1.0, 1.0)

    def forward(self, q, k):
        alpha, beta = self.rates(*self._spread(q, k))
        q = q * alpha
        return ops.exp(q - ops.max(q, axis=-1, keepdims=True).detach()), ops.exp(k * beta)

    def rates(self, sq, sk):
        """alpha and beta for queries and keys of standard deviations sq and sk."""
        s = np.sqrt(((sq * sk) ** 2 - self.b) / (2 * self.a))
        return float(s / sq), float(s / sk)

    def _spread(self, q, k):
        if self.training and q.size:
            now = [max(float(asnumpy(part.data).std()), 1e-3) for part in (q, k)]
            keep = 1 - self.momentum
            self.spread = tuple(keep * old + self.momentum * new for old, new in zip(self.spread, now))
            return now
        return self.spread


def calibrate(d, *, n=256, draws=8, seed=0, reach=(2.0, 12.0)):
    """(a, b) of LogNormal for heads of length d: a line through Var log A over s^2, of Gaussian q and k.

    n       queries and keys of a draw
    draws   over how many of them the variance is averaged: one alone is off by up to a tenth
    reach   between which values of s^2 the line is fitted
    Source: arXiv 2311.13541, appendix A.3.
    """
    rng, squares = np.random.default_rng(seed), np.linspace(*reach, 6)
    q, k = rng.normal(size=(2, draws, n, d))
    spread = []
    for rate in np.sqrt(squares / 2):
        weights = np.exp(rate * q) @ np.exp(rate * k).swapaxes(-1, -2)
        spread.append(np.log(weights / weights.sum(-1, keepdims=True)).var(axis=(-1, -2)).mean())
    a, b = np.polyfit(squares, spread, 1)
    return float(a), float(b)
