"""What `xp` stands for on a GPU: CuPy, with a matrix product and three doors that are watched."""

import numpy as np

from ..errors import GraphError
from . import gemm, graph, precision

FEW = 2**31  # elements that an `int` of C can count


class Namespace:
    """CuPy's functions by name.

    matmul                            multiplies as exactly as `matmul_precision` says
    array, asarray, ascontiguousarray  let no array of the host in while a step is recorded: the recording
                                      would copy the same memory at every launch, whatever then lies there
    """

    def __init__(self, cupy):
        self._cupy = cupy

    def __getattr__(self, name):
        return getattr(self._cupy, name)

    def matmul(self, x, y):
        """x @ y; see backends/precision.py."""
        chosen = precision.matmul_precision()
        reduced = chosen != "float32" and x.dtype == y.dtype == np.float32 and min(x.ndim, y.ndim) > 1
        if reduced and max(x.size, y.size) < FEW:
            return gemm.matmul(self._cupy, x, y, chosen)
        return self._cupy.matmul(x, y)

    def array(self, obj, *args, **kwargs):
        """CuPy's `array`."""
        return self._cupy.array(_on_device(obj), *args, **kwargs)

    def asarray(self, a, *args, **kwargs):
        """CuPy's `asarray`."""
        return self._cupy.asarray(_on_device(a), *args, **kwargs)

    def ascontiguousarray(self, a, *args, **kwargs):
        """CuPy's `ascontiguousarray`."""
        return self._cupy.ascontiguousarray(_on_device(a), *args, **kwargs)


def _on_device(value):
    """`value`; an error while a step is recorded and it is not an array of the device."""
    if graph.recording() and not hasattr(value, "get"):
        raise GraphError(
            "a captured step",
            expected="arrays that are on the device before the step begins",
            got=f"{type(value).__name__} of the host",
            hint="make it once with xp.asarray outside the step, or pass it as an input of the step",
        )
    return value
