"""Where parameters start. Every function draws from a Generator and returns a NumPy array.

In a matrix (n_out, n_in), or a stack of matrices, the last two lengths count.
"""

import math

import numpy as np

from ..errors import ArgumentError


def check_rng(where, rng):
    """`rng` itself. Raises ArgumentError where it is no numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(
            f"{where}(rng)",
            expected="a numpy.random.Generator",
            got=repr(rng),
            hint="rng=np.random.default_rng(0), one for the whole model",
        )
    return rng


def uniform(rng, shape, bound):
    """Evenly from [-bound, bound)."""
    return check_rng("init.uniform", rng).uniform(-bound, bound, size=shape)


def normal(rng, shape, std):
    """A normal distribution with mean 0."""
    return check_rng("init.normal", rng).normal(0.0, std, size=shape)


def fan_in(rng, shape):
    """Evenly from +-1/sqrt(n_in): a sum over n_in inputs of size 1 keeps a variance of 1/3."""
    return uniform(rng, shape, 1 / math.sqrt(shape[-1]))


def glorot(rng, shape):
    """Evenly from +-sqrt(6 / (n_in + n_out)): even in both directions. Source: Glorot and Bengio (2010)."""
    return uniform(rng, shape, math.sqrt(6 / (shape[-2] + shape[-1])))


def orthogonal(rng, n):
    """A random n x n matrix Q with Q Q^T = 1: it turns vectors and never stretches them."""
    q, r = np.linalg.qr(check_rng("init.orthogonal", rng).normal(size=(n, n)))
    return q * np.sign(np.diag(r))
