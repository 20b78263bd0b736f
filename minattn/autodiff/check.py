"""Check a derivative against central differences."""

import numpy as np

from ..backends import asnumpy
from ..errors import GraphError
from .tensor import Tensor, as_tensor, precision


def numerical_gradient(function, arrays, index, eps=1e-6):
    """d function(*arrays) / d arrays[index] by central differences; `function` returns a number."""
    arrays = [np.array(a) for a in arrays]
    target = arrays[index]
    gradient = np.zeros_like(target)
    for i in np.ndindex(target.shape):
        kept = target[i]
        target[i] = kept + eps
        above = function(*arrays)
        target[i] = kept - eps
        below = function(*arrays)
        target[i] = kept
        gradient[i] = (above - below) / (2 * eps)
    return gradient


def gradcheck(function, *arrays, eps=1e-6, atol=1e-6, rtol=1e-5, seed=0):
    """Raise GraphError unless backward agrees with central differences, in float64.

    function   takes one tensor per array, returns a tensor of any shape
    arrays     floating-point arrays are checked, others are passed on as they are
    Returns the largest absolute error. The output is weighted by random numbers first, so that a
    gradient that is right only in sum is found out.

        >>> gradcheck(lambda x: x * x, np.array([1.0, -2.0])) < 1e-6
        True
    """
    with precision(64):
        weight = None

        def scalar(*values):
            nonlocal weight
            out = as_tensor(function(*values))
            if weight is None:
                weight = np.random.default_rng(seed).normal(size=out.shape)
            return (out * weight).sum()

        inputs = [np.array(asnumpy(a.data if isinstance(a, Tensor) else a)) for a in arrays]
        floats = [i for i, a in enumerate(inputs) if a.dtype.kind == "f"]
        inputs = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in inputs]
        leaves = [Tensor(a, requires_grad=i in floats) for i, a in enumerate(inputs)]
        scalar(*leaves).backward()
        worst = 0.0
        for i in floats:
            exact = numerical_gradient(lambda *v: scalar(*map(Tensor, v)).item(), inputs, i, eps)
            got = np.zeros_like(exact) if leaves[i].grad is None else asnumpy(leaves[i].grad)
            error = np.abs(got - exact)
            worst = max(worst, float(error.max(initial=0.0)))
            if not np.all(error <= atol + rtol * np.abs(exact)):
                at = np.unravel_index(np.argmax(error), error.shape)
                raise GraphError(
                    f"gradcheck, argument {i}",
                    expected=f"{exact[at]:.8g} at index {tuple(map(int, at))} (central difference)",
                    got=f"{got[at]:.8g} (backward)",
                    hint="check the derivative on paper for this one element",
                )
    return worst
