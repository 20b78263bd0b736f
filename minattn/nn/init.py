"""Where parameters start. Every function draws from a Generator and returns a NumPy array."""

import math

import numpy as np


def uniform(rng, shape, bound):
    """Evenly from [-bound, bound)."""
    return rng.uniform(-bound, bound, size=shape)


def normal(rng, shape, std):
    """A normal distribution with mean 0."""
    return rng.normal(0.0, std, size=shape)


def fan_in(rng, shape):
    """Evenly from +-1/sqrt(n_in), with n_in the last length: keeps the size of activations about even."""
    return uniform(rng, shape, 1 / math.sqrt(max(shape[-1], 1)))


def glorot(rng, shape):
    """Evenly from +-sqrt(6 / (n_in + n_out)): even in both directions. Source: Glorot and Bengio (2010)."""
    return uniform(rng, shape, math.sqrt(6 / (shape[0] + shape[-1])))


def orthogonal(rng, n):
    """A random n x n matrix Q with Q Q^T = 1: it turns vectors and never stretches them."""
    q, r = np.linalg.qr(rng.normal(size=(n, n)))
    return q * np.sign(np.diag(r))
