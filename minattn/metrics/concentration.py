"""How concentrated attention is: numbers of a matrix of weights."""

import numpy as np


def log_variance(weights):
    """The variance of the logarithms of all weights (.., T, S), which must be positive.

    >>> log_variance(np.full((2, 4), 0.25))
    0.0
    """
    return float(np.log(weights).var())


def entropy(weights):
    """The mean entropy of the rows (.., T, S) in nats; 0 log 0 is 0.

    >>> round(entropy(np.full((2, 4), 0.25)), 4)  # log 4
    1.3863
    """
    weights = np.asarray(weights)
    return float(-np.sum(weights * np.log(np.where(weights > 0, weights, 1)), axis=-1).mean())


def spectral_gap(weights):
    """1 less the size of the second eigenvalue of a matrix (T, T) whose rows sum to 1.

    1 where every row is the same, 0 where tokens split into parts that never meet.
    """
    return float(1 - np.sort(np.abs(np.linalg.eigvals(weights)))[-2])
