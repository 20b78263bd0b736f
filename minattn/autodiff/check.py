"""Check a derivative against central differences."""

import numpy as np

from ..backends import asnumpy
from ..errors import GraphError
from .tensor import Tensor, as_tensor, precision


def numerical_gradient(function, arrays, index, eps=1e-6, places=None):
    """d function(*arrays) / d arrays[index] by central differences; `function` returns a number.

    places   which elements to move, flat and in any order (default: all); 0 stands in the others
    """
    arrays = [np.array(a) for a in arrays]
    target = arrays[index]
    gradient = np.zeros_like(target)
    for place in range(target.size) if places is None else places:
        i = np.unravel_index(place, target.shape)
        kept = target[i]
        target[i] = kept + eps
        above = function(*arrays)
        target[i] = kept - eps
        below = function(*arrays)
        target[i] = kept
        gradient[i] = (above - below) / (2 * eps)
    return gradient


def gradcheck(function, *arrays, eps=1e-6, atol=1e-6, rtol=1e-5, seed=0, most=None):
    """Raise GraphError unless backward agrees with central differences, in float64.

    function   takes one tensor per array, returns a tensor of any shape
    arrays     floating-point arrays are checked, others are passed on as they are
    most       check so many elements of each array, chosen at random; default all
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
            size = inputs[i].size
            places = np.random.default_rng(seed).permutation(size)[: size if most is None else most]
            exact = numerical_gradient(lambda *v: scalar(*map(Tensor, v)).item(), inputs, i, eps, places)
            got = np.zeros_like(exact) if leaves[i].grad is None else asnumpy(leaves[i].grad)
            exact, got = exact.flat[places], got.flat[places]
            error = np.abs(got - exact)
            worst = max(worst, float(error.max(initial=0.0)))
            if not np.all(error <= atol + rtol * np.abs(exact)):
                at = np.argmax(error)
                index = np.unravel_index(places[at], inputs[i].shape)
                raise GraphError(
                    f"gradcheck, argument {i}",
                    expected=f"{exact[at]:.8g} at index {tuple(map(int, index))} (central difference)",
                    got=f"{got[at]:.8g} (backward)",
                    hint="check the derivative on paper for this one element",
                )
    return worst
