"""Attention as inference: which key is the parent of this query?"""

import math

from ...autodiff import as_tensor, ops
from ...backends import xp
from ...errors import ArgumentError
from .base import Weights


class Marginal(Weights):
    """The posterior over one unseen parent a query: softmax of score + log prior.

        p(parent = s | x) = p(s) exp(score(s)) / sum over n of p(n) exp(score(n))

    log_prior   record -> what broadcasts to (B,H,T,S), an array or a Tensor; -inf where an edge cannot be.
                None: every allowed key is as likely, which is plain softmax
    So masks, windows and biases by distance are priors over graphs. What a query gathers is the mean of v
    over all graphs, see `attention.structures`. Source: arXiv 2304.04556, section 3.
    """

    def __init__(self, log_prior=None):
        if log_prior is not None and not callable(log_prior):
            raise ArgumentError(
                "Marginal(log_prior)",
                expected="a function of the record",
                got=repr(log_prior),
                hint="geometric(0.1), or lambda t: -0.5 * abs(t.q_pos[:, None] - t.k_pos[None, :])",
            )
        self.log_prior = log_prior
        self.by_place = log_prior is not None  # it may ask where a key stands

    def forward(self, t):
        if self.log_prior is None:
            return ops.softmax(t.scores, t.mask)
        prior = as_tensor(self.log_prior(t))
        possible = prior.data > -math.inf
        mask = possible if t.mask is None else possible & t.mask
        return ops.softmax(t.scores + ops.where(possible, prior, 0.0), mask)


def geometric(rho):
    """The log prior of a parent at distance n: p(n) = rho (1 - rho)^n, a bias that falls by log(1 - rho).

    rho   in (0, 1): the chance that the search for the parent stops at each key
    The constant log(rho) is left out, for softmax does not see it. Source: arXiv 2304.04556.
    """
    if not 0 < rho < 1:
        raise ArgumentError("geometric(rho)", expected="0 < rho < 1", got=rho, hint="geometric(0.1)")

    def log_prior(t):
        return abs(t.q_pos[:, None] - t.k_pos[None, :]).astype(t.scores.dtype) * math.log1p(-rho)

    return log_prior


class Sigmoid(Weights):
    """Any number of parents: every edge exists or not, by itself, so a row need not sum to 1.

        p(edge to s | x) = sigmoid(score(s) + log(prior / (1 - prior)))

    prior   in (0, 1): the chance of an edge before anything is seen
    Source: arXiv 2304.04556 (independent edges).
    """

    sums_to_one = False

    def __init__(self, prior=0.5):
        if not 0 < prior < 1:
            raise ArgumentError("Sigmoid(prior)", expected="0 < prior < 1", got=prior, hint="Sigmoid(0.5)")
        self.prior = prior

    def forward(self, t):
        weights = ops.sigmoid(t.scores + math.log(self.prior / (1 - self.prior)))
        return weights if t.mask is None else ops.where(xp.asarray(t.mask), weights, 0.0)
