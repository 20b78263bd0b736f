"""A primitive: forward, derivative, kernels and test samples side by side.

    @primitive
    def exp(x):
        return xp.exp(x)

    @exp.vjp
    def _(g, out, x):
        return (g * out,)

    @exp.samples
    def _(rng):
        yield call(rng.normal(size=(2, 3)))

Forward and derivative see raw arrays. The derivative returns one gradient per positional argument: an
array, None, or a function that makes the array (called only when somebody needs it). Its gradients may
have the broadcast shape: they are summed back to the argument's shape here, once, for all primitives.
`@primitive(saves=True)` returns `(out, saved)` and its derivative is called with `(g, out, saved, *args)`.
A kernel may answer Declined("why"): then the array version runs. The backend that made a result also
differentiates it: a vjp_kernel runs after its own kernel only, so both may save what suits them.
"""

import numpy as np

from ..backends import Declined, current, dispatch, xp
from ..errors import ArgumentError, MinattnError, ShapeError
from .tensor import Node, Tensor, as_array, default_dtype, grad_enabled

PRIMITIVES = {}
_FLOAT64 = np.dtype(np.float64)


class Primitive:
    """A function on tensors with its derivative; see the module's docstring."""

    def __init__(self, forward, saves=False):
        self.forward, self.saves = forward, saves
        self.name = self.__name__ = forward.__name__.strip("_")
        self.__doc__, self.__module__, self.__wrapped__ = forward.__doc__, forward.__module__, forward
        self._vjp, self._samples = None, None
        self.kernels, self.vjp_kernels = (dispatch.kernels_of(self.name, part) for part in ("forward", "vjp"))
        PRIMITIVES[self.name] = self

    def vjp(self, function):
        """Register the derivative."""
        self._vjp = function
        return function

    def samples(self, function):
        """Register `function(rng)`, which yields `call(...)`s that cover the primitive."""
        self._samples = function
        return function

    def kernel(self, backend):
        """Register a forward for `backend`, in the table of backends/dispatch.py."""
        return dispatch.kernel(self.name, backend)

    def vjp_kernel(self, backend):
        """Register a derivative for `backend`."""
        return dispatch.kernel(self.name, backend, "vjp")

    def draw_samples(self, rng):
        """The sample calls, a list of (args, static)."""
        return list(self._samples(rng)) if self._samples else []

    def __repr__(self):
        return f"<primitive {self.name}>"

    def __call__(self, *args, **static):
        args = [a if isinstance(a, Tensor) else _lift(a) for a in args]
        arrays = [a.data if isinstance(a, Tensor) else a for a in args]
        out, backend = self._run(arrays, static)
        out, saved = out if self.saves else (out, None)
        if isinstance(out, (bool, int, float)) or (
            out.dtype is _FLOAT64 and default_dtype() is not np.float64
        ):
            out = _as_wide_as(arrays, out)
        if grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return Tensor.made_by(out, Node(self, args, static, saved, backend))
        return Tensor.made_by(out, None)

    def _run(self, arrays, static):
        """The result, and the backend whose kernel may differentiate it: none where its forward declined."""
        backend = current()
        if kernel := self.kernels.get(backend):
            out = kernel(*arrays, **static)
            dispatch.note(self.name, backend, "forward", out)
            if out.__class__ is not Declined:
                return out, backend
            backend = None
        return self._array_forward(arrays, static), backend

    def _array_forward(self, arrays, static):
        try:
            return self.forward(*arrays, **static)
        except MinattnError:
            raise
        except IndexError as error:
            raise ArgumentError(
                self._called(static),
                expected="axes that exist and indices inside them",
                got=f"{self._shapes(arrays)} ({error})",
                hint="print the .shape of each argument; axes and indices run from -n to n - 1",
            ) from error
        except ValueError as error:  # NumPy's own words name no argument: say which shapes met
            raise ShapeError(
                self._called(static),
                expected="shapes that fit together: equal, or 1 where they differ, aligned from the right",
                got=f"{self._shapes(arrays)} ({error})",
                hint="print the .shape of each argument; reshape or swap axes before the call",
            ) from error

    def _called(self, static):
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in static.items())})"

    @staticmethod
    def _shapes(arrays):
        return ", ".join(str(a.shape) if hasattr(a, "shape") else repr(a) for a in arrays)

    def gradients(self, g, out, node):
        """One gradient (or None) per positional argument of the recorded call."""
        arrays = [a.data if isinstance(a, Tensor) else a for a in node.args]
        given = (g, out, node.saved) if self.saves else (g, out)
        parts = None
        if kernel := self.vjp_kernels.get(node.backend):
            parts = kernel(*given, *arrays, **node.static)
            dispatch.note(self.name, node.backend, "vjp", parts)
        if parts is None or parts.__class__ is Declined:
            parts = self._vjp(*given, *arrays, **node.static)
        wanted = [isinstance(a, Tensor) and a.requires_grad for a in node.args]
        return [
            unbroadcast(part() if callable(part) else part, array) if want and part is not None else None
            for part, want, array in zip(parts, wanted, arrays)
        ]


def primitive(forward=None, *, saves=False):
    """Turn a function on arrays into a function on tensors; see the module's docstring."""
    return Primitive(forward, saves) if forward is not None else lambda f: Primitive(f, saves)


def call(*args, **static):
    """One sample: the arguments of a call."""
    return args, static


def unbroadcast(gradient, array):
    """Sum `gradient` over the axes along which `array` was repeated; back to `array`'s dtype."""
    if gradient.shape != array.shape:
        extra = gradient.ndim - array.ndim
        repeated = tuple(range(extra)) + tuple(
            i + extra for i, n in enumerate(array.shape) if n == 1 and gradient.shape[i + extra] != 1
        )
        gradient = xp.sum(gradient, axis=repeated, keepdims=True).reshape(array.shape)
    return gradient if gradient.dtype == array.dtype else gradient.astype(array.dtype)


def _lift(value):
    """Arrays and lists become arrays, NumPy's numbers Python's; None and settings stay as they are."""
    if value is None or isinstance(value, (bool, int, str, tuple)) or type(value) is float:
        return value
    if isinstance(value, np.generic):
        return value.item()  # a np.float64 would make float32 wider, a Python number does not
    if isinstance(value, list) or (hasattr(value, "dtype") and hasattr(value, "ndim")):
        return as_array(value)
    return value


def _as_wide_as(arrays, out):
    """A result made of integers and Python numbers alone gets the precision in force, not float64."""
    made_of_floats = any(a.dtype.kind == "f" for a in arrays if hasattr(a, "dtype"))
    return out if made_of_floats else as_array(out)
