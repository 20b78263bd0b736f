"""A tensor is an array that remembers how it was made.

Every primitive that touches a tensor with `requires_grad` leaves a `Node` behind: which primitive,
which arguments. `backward` walks the nodes from the newest to the oldest and adds up gradients.
"""

import itertools
from contextlib import contextmanager

import numpy as np

from ..backends import asnumpy, xp
from ..errors import ArgumentError, DTypeError, GraphError, ShapeError

_dtype = np.float32
_recording = True
_clock = itertools.count()


@contextmanager
def precision(bits):
    """Make new floating-point tensors `bits` (32 or 64) wide inside a `with` block."""
    global _dtype
    if bits not in (32, 64):
        raise ArgumentError("precision(bits)", expected="32 or 64", got=repr(bits), hint="precision(64)")
    former, _dtype = _dtype, {32: np.float32, 64: np.float64}[bits]
    try:
        yield
    finally:
        _dtype = former


@contextmanager
def no_grad():
    """Record nothing inside a `with` block: faster, and nothing is kept for backward."""
    global _recording
    former, _recording = _recording, False
    try:
        yield
    finally:
        _recording = former


def grad_enabled():
    """True while primitives are recorded."""
    return _recording


def default_dtype():
    """The float type in force."""
    return _dtype


def as_array(value):
    """`value` as an array of the backend in use; floats take the precision in force."""
    array = value if hasattr(value, "dtype") and hasattr(value, "ndim") else _from_list(value)
    if array.dtype.kind == "f":
        return xp.asarray(array, dtype=_dtype)
    if array.dtype.kind in "iub":
        return xp.asarray(array)
    raise DTypeError(
        "tensor(data)",
        expected="real numbers or booleans",
        got=f"dtype {array.dtype}",
        hint="np.asarray(data, dtype=float)",
    )


def _from_list(value):
    try:
        return np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ShapeError(
            "tensor(data)", expected="rows of equal length", got=str(error), hint="pad the shorter rows"
        ) from error


class Node:
    """One recorded call: the primitive, its arguments, which backend's kernel ran, and when."""

    __slots__ = ("primitive", "args", "static", "saved", "backend", "time")

    def __init__(self, primitive, args, static, saved, backend):
        self.primitive, self.args, self.static, self.saved = primitive, args, static, saved
        self.backend, self.time = backend, next(_clock)

    def parents(self):
        return [a for a in self.args if isinstance(a, Tensor) and a.requires_grad]


class Tensor:
    """An array with a gradient.

    data           the array (NumPy's or the backend's); floats are float32 unless `precision(64)`
    requires_grad  True: backward leaves dL/d(data) in `grad` (an array of the same shape)

        >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad.tolist()
        [2.0, 4.0, 6.0]
    """

    __slots__ = ("data", "grad", "requires_grad", "node", "__weakref__")
    __array_ufunc__ = None  # numpy_array * tensor asks the tensor

    def __init__(self, data, requires_grad=False):
        self.data = as_array(data.data if isinstance(data, Tensor) else data)
        self.grad, self.node, self.requires_grad = None, None, bool(requires_grad)
        if requires_grad and self.data.dtype.kind != "f":
            raise DTypeError(
                "Tensor(data, requires_grad=True)",
                expected="floating-point data",
                got=f"dtype {self.data.dtype}",
                hint="write 1.0 instead of 1, or leave requires_grad out",
            )

    @classmethod
    def made_by(cls, data, node):
        """The result of a primitive: no copy, no conversion."""
        self = cls.__new__(Tensor)
        self.data, self.grad, self.node, self.requires_grad = data, None, node, node is not None
        return self

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)

    def numpy(self):
        """The values as a NumPy array on the host (no copy where there is no need)."""
        return asnumpy(self.data)

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise GraphError(
                "np.asarray(tensor)",
                expected="a tensor without gradient: NumPy would forget how it was made",
                got="a tensor with requires_grad",
                hint="tensor.numpy() for the values, ops.stack([..]) for a list of tensors",
            )
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def item(self):
        """The only value, as a Python number."""
        if self.size != 1:
            raise ShapeError(
                "item()", expected="a tensor with one element", got=self.shape, hint="tensor.numpy()"
            )
        return self.numpy().item()

    def detach(self):
        """The same values, unknown to the tape."""
        return Tensor.made_by(self.data, None)

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        body = np.array2string(self.numpy(), precision=4, threshold=20, prefix="Tensor(")
        made = f", made by {self.node.primitive.name}" if self.node and self.node.primitive else ""
        return f"Tensor({body}{made}{', requires_grad' if self.requires_grad and not self.node else ''})"

    def __bool__(self):
        return bool(self.data)

    def __float__(self):
        return float(self.item())

    def __setitem__(self, index, value):
        if self.requires_grad:
            raise GraphError(
                "tensor[index] = value",
                expected="a tensor that the tape does not follow",
                got="a tensor with requires_grad" + (", already recorded" if self.node else ""),
                hint="ops.where(mask, value, tensor), or with a leaf: tensor.data[index] = value",
            )
        self.data[_raw(index)] = _raw(value)

    def backward(self, grad=None):
        """Add d(self)/d(leaf) into `leaf.grad` for every leaf that self was made from; free the tape.

        grad   dL/d(self), an array of self's shape; may be left out where self has one element
        Raises GraphError where nothing was recorded or the tape is already freed, ShapeError where
        `grad` does not fit. Works iteratively: a chain of any length does not recurse.
        """
        backward(self, grad)


def backward(root, grad=None):
    """See Tensor.backward."""
    first = _first(root, grad)
    gradients, given, order = {id(root): first}, {id(first)}, _oldest_first(root)
    while order:
        tensor = order.pop()  # and forget it: what nobody else needs is freed on the way
        g, node = gradients.pop(id(tensor), None), tensor.node
        if node is None:
            _give(tensor, g, given)
            continue
        parts = [] if g is None else node.primitive.gradients(g, tensor.data, node)
        for parent, part in zip(node.args, parts):
            if part is not None:
                known = gradients.get(id(parent))
                gradients[id(parent)] = part if known is None else known + part
        node.args = node.saved = None


def _first(root, grad):
    """dL/d(root), with which the walk begins: ones for a loss, or `grad`."""
    if not root.requires_grad or (root.node is not None and root.node.args is None):
        freed = root.node is not None
        raise GraphError(
            "backward()",
            expected="a result whose history is recorded",
            got="a tape that an earlier backward has freed" if freed else "a tensor without history",
            hint="compute the loss again" if freed else "Tensor(data, requires_grad=True), outside no_grad()",
        )
    if grad is None and root.size != 1:
        raise ShapeError(
            "backward()",
            expected="a loss with one element",
            got=f"shape {root.shape}",
            hint="loss.sum().backward(), or backward(grad) with an array of that shape",
        )
    first = xp.ones_like(root.data) if grad is None else xp.asarray(_raw(grad), dtype=root.dtype)
    if first.shape != root.shape:
        raise ShapeError("backward(grad)", expected=root.shape, got=first.shape, hint="grad of self's shape")
    return first


def _give(leaf, g, given):
    """Add g to leaf.grad, which belongs to the leaf alone: views and arrays given before are copied."""
    if g is None:
        return
    if leaf.grad is not None:
        g = leaf.grad + g
    elif id(g) in given or g.base is not None:
        g = xp.array(g)
    given.add(id(g))
    leaf.grad = g


def _raw(value):
    return value.data if isinstance(value, Tensor) else value


def _oldest_first(root):
    """Every tensor that needs a gradient, results after what they were made from."""
    found, waiting = {id(root): root}, [root]
    while waiting:
        tensor = waiting.pop()
        if tensor.node is None:
            continue
        if tensor.node.args is None:
            raise GraphError(
                "backward()",
                expected="a history that is still recorded",
                got=f"a part of it (made by {tensor.node.primitive.name}) freed by an earlier backward",
                hint="add the losses and call backward once, or detach() the shared part",
            )
        for parent in tensor.node.parents():
            if id(parent) not in found:
                found[id(parent)] = parent
                waiting.append(parent)
    return sorted(found.values(), key=lambda t: -1 if t.node is None else t.node.time)


def tensor(data, requires_grad=False):
    """`Tensor(data, requires_grad)`: always a copy of the data."""
    data = as_array(_raw(data))
    return Tensor(xp.array(data), requires_grad)


def as_tensor(value):
    """`value` itself if it is a tensor, else a tensor of it."""
    return value if isinstance(value, Tensor) else Tensor(value)
