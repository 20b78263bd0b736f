"""Give Tensor its operators and methods, each the function of the same name in `ops`."""

from . import ops
from .tensor import Tensor


def _comparison(name):
    def compare(self, other):
        return getattr(self.data, name)(other.data if isinstance(other, Tensor) else other)

    compare.__doc__ = "A boolean array (not a tensor: comparisons have no derivative)."
    return compare


for _name in ("__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Tensor, _name, _comparison(_name))

Tensor.__add__ = Tensor.__radd__ = lambda x, y: ops.add(x, y)
Tensor.__sub__ = lambda x, y: ops.subtract(x, y)
Tensor.__rsub__ = lambda x, y: ops.subtract(y, x)
Tensor.__mul__ = Tensor.__rmul__ = lambda x, y: ops.multiply(x, y)
Tensor.__truediv__ = lambda x, y: ops.divide(x, y)
Tensor.__rtruediv__ = lambda x, y: ops.divide(y, x)
Tensor.__neg__ = lambda x: ops.negative(x)
Tensor.__rpow__ = lambda x, base: ops.power(base, x)
Tensor.__abs__ = lambda x: ops.absolute(x)
Tensor.__pow__ = lambda x, exponent: ops.power(x, exponent)
Tensor.__matmul__ = lambda x, y: ops.matmul(x, y)
Tensor.__rmatmul__ = lambda x, y: ops.matmul(y, x)
Tensor.__getitem__ = lambda x, index: ops.getitem(x, index)
Tensor.__iter__ = lambda x: (x[i] for i in range(len(x)))
Tensor.T = property(lambda x: ops.transpose(x))


def _shape_from(args):
    return args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


Tensor.reshape = lambda x, *shape: ops.reshape(x, tuple(_shape_from(shape)))
Tensor.transpose = lambda x, *axes: ops.transpose(x, tuple(_shape_from(axes)) if axes else None)

for _name in ("exp", "log", "sqrt", "tanh", "sigmoid", "relu", "sum", "mean", "max", "min", "var",
              "cumsum", "swapaxes", "softmax"):  # fmt: skip
    setattr(Tensor, _name, (lambda op: lambda x, *args, **kw: op(x, *args, **kw))(getattr(ops, _name)))
