"""A stand-in for CuPy on machines without a GPU: NumPy does the work, the rules are CuPy's.

Its arrays refuse to become NumPy arrays by themselves and to be mixed with them; a result is never a
NumPy number; and there is no function, and no keyword, that CuPy lacks. `array.get()` is the only way back.
"""

import operator
from types import SimpleNamespace

import numpy as np

# The functions of CuPy 13 that the library may use, with CuPy's parameters. Look a name up in CuPy's
# reference before you add it: NumPy's function of that name may take more.
UFUNCS = "abs add cos exp floor isfinite log log1p maximum minimum sign sin sqrt tanh"
FUNCTIONS = {
    "arange": "start stop step dtype",
    "argpartition": "a kth axis",
    "array": "obj dtype copy order",
    "asarray": "a dtype order",
    "ascontiguousarray": "a dtype",
    "broadcast_to": "array shape",
    "clip": "a a_min a_max",
    "concatenate": "tup axis",
    "cumprod": "a axis dtype",
    "cumsum": "a axis dtype",
    "empty": "shape dtype order",
    "empty_like": "prototype dtype order",
    "expand_dims": "a axis",
    "flip": "a axis",
    "matmul": "x1 x2",
    "max": "a axis out keepdims",
    "mean": "a axis dtype out keepdims",
    "moveaxis": "a source destination",
    "ones": "shape dtype order",
    "ones_like": "a dtype order",
    "pad": "array pad_width mode constant_values",
    "reshape": "a newshape order",
    "sort": "a axis",
    "squeeze": "a axis",
    "stack": "tup axis",
    "sum": "a axis dtype out keepdims",
    "swapaxes": "a axis1 axis2",
    "take": "a indices axis",
    "take_along_axis": "a indices axis",
    "transpose": "a axes",
    "tril": "m k",
    "vdot": "a b",
    "where": "condition x y",
    "zeros": "shape dtype order",
    "zeros_like": "a dtype order",
}
FROM_HOST = ("array", "asarray", "ascontiguousarray")
NOTHING = object()


def to_host(value):
    """The NumPy arrays inside device arrays, tuples and lists; NumPy arrays themselves are refused."""
    if isinstance(value, DeviceArray):
        return value.inside
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}: bring it to the device with xp.asarray")
    if isinstance(value, (tuple, list)):
        return type(value)(map(to_host, value))
    return value


def to_host_values(kwargs):
    return {key: to_host(value) for key, value in kwargs.items()}


def to_device(value):
    return DeviceArray(np.asarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value


class DeviceArray:
    """An array on the pretended device."""

    __array_ufunc__ = None

    def __init__(self, inside):
        self.inside = inside

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def get(self):
        """A copy on the host."""
        return self.inside.copy()

    shape = property(lambda self: self.inside.shape)
    dtype = property(lambda self: self.inside.dtype)
    ndim = property(lambda self: self.inside.ndim)
    size = property(lambda self: self.inside.size)
    T = property(lambda self: DeviceArray(self.inside.T))
    flags = property(lambda self: self.inside.flags)
    data = property(lambda self: SimpleNamespace(ptr=self.inside.ctypes.data))
    base = property(lambda self: None if self.inside.base is None else self)

    def __getitem__(self, index):
        return to_device(self.inside[to_host(index)])

    def __setitem__(self, index, value):
        self.inside[to_host(index)] = to_host(value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __len__(self):
        return len(self.inside)

    def __repr__(self):
        return f"DeviceArray({self.inside!r})"

    __hash__ = None


def _method(name):
    def method(self, *args, **kwargs):
        return to_device(getattr(self.inside, name)(*to_host(args), **to_host_values(kwargs)))

    return method


def _in_place(function):
    def method(self, other):
        self.inside = function(self.inside, to_host(other))
        return self

    return method


def _operator(function, swapped=False):
    def method(self, other=NOTHING):
        given = [self] if other is NOTHING else [other, self] if swapped else [self, other]
        return to_device(function(*map(to_host, given)))

    return method


METHODS = ("all", "any", "astype", "copy", "item", "max", "mean", "min", "ravel", "reshape", "sum",
           "swapaxes", "tolist", "transpose")  # fmt: skip
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "rshift")
OTHERS = ("lt", "le", "gt", "ge", "eq", "ne", "neg", "abs", "invert", "index")
for _name in METHODS:
    setattr(DeviceArray, _name, _method(_name))
for _name in BINARY:
    setattr(DeviceArray, f"__{_name}__", _operator(getattr(operator, f"__{_name}__")))
    setattr(DeviceArray, f"__r{_name}__", _operator(getattr(operator, f"__{_name}__"), swapped=True))
for _name in OTHERS:
    setattr(DeviceArray, f"__{_name}__", _operator(getattr(operator, f"__{_name}__")))
for _type in (bool, int, float):
    setattr(DeviceArray, f"__{_type.__name__}__", _operator(_type))
for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(DeviceArray, f"__{_name}__", _in_place(getattr(operator, f"__{_name}__")))


class _Function:
    """NumPy's function of this name, with CuPy's parameters alone."""

    def __init__(self, name, parameters):
        self.name, self.parameters, self.function = name, parameters.split(), getattr(np, name)

    def __call__(self, *args, **kwargs):
        unknown = sorted(kwargs.keys() - set(self.parameters))
        if unknown or len(args) > len(self.parameters):
            raise TypeError(f"{self.name}() of CuPy takes {self.parameters}, not {unknown or len(args)}")
        if self.name not in FROM_HOST:
            args = to_host(args)
        elif isinstance(args[0], DeviceArray):
            args = (args[0].inside, *args[1:])
        return to_device(self.function(*args, **to_host_values(kwargs)))

    def at(self, array, index, values):
        """array[index] += values, as often as an index comes."""
        self.function.at(array.inside, to_host(index), to_host(values))


class _Namespace:
    """What stands for `cupy`."""

    def __init__(self, **members):
        vars(self).update(members)

    def __getattr__(self, name):
        raise AttributeError(f"{name} is not among the functions that the library may use on a device")


def _sliding_window_view(x, window_shape, axis=None):
    return DeviceArray(np.lib.stride_tricks.sliding_window_view(x.inside, window_shape, axis=axis))


namespace = _Namespace(
    **{name: _Function(name, "x1 x2 out dtype") for name in UFUNCS.split()},
    **{name: _Function(name, parameters) for name, parameters in FUNCTIONS.items()},
    lib=_Namespace(stride_tricks=_Namespace(sliding_window_view=_sliding_window_view)),
    broadcast_shapes=np.broadcast_shapes,
    float32=np.float32,
    float64=np.float64,
    inf=np.inf,
)
