"""Choices that a gradient passes through."""

import numpy as np

from ..autodiff import as_tensor, ops
from ..backends import asnumpy, xp
from ..errors import ArgumentError


def gumbel_softmax(logits, *, rng=None, tau=1.0):
    """Draw one of n classes: exactly one-hot forward, the derivative of a softmax backward.

        soft = softmax((logits + g) / tau), g from Gumbel(0, 1)        out = one-hot of the largest

    logits   (..., n)
    rng      Generator of the noise; None adds none: the out is the argmax
    tau      temperature, > 0: the smaller, the nearer soft is to one-hot, and the noisier its gradient
    The class c is drawn with probability softmax(logits)[c]. Raises ArgumentError for tau <= 0.
    Source: arXiv 1611.01144, equations 1 and 2, and section 2.2 (straight-through).

    >>> gumbel_softmax([[1.0, 3.0, 2.0]]).numpy()
    array([[0., 1., 0.]], dtype=float32)
    """
    if not tau > 0:
        raise ArgumentError("gumbel_softmax(tau)", expected="tau > 0", got=tau, hint="tau=1.0")
    logits = as_tensor(logits)
    if rng is not None:
        logits = logits + xp.asarray(rng.gumbel(size=logits.shape), dtype=logits.dtype)
    soft = ops.softmax(logits * (1 / tau))
    best = asnumpy(soft.data).argmax(-1)
    hard = xp.asarray(np.eye(logits.shape[-1])[best], dtype=logits.dtype)
    return soft - soft.detach() + hard  # soft - soft is 0: the sum is exactly one-hot
