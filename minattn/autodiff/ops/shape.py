"""Functions that move elements without changing them."""

import numpy as np

from ...backends import xp
from ...errors import ShapeError
from ..primitive import Primitive, call, primitive
from ..tensor import as_tensor


@primitive
def reshape(x, shape):
    """The same elements in another shape; one length may be -1."""
    return xp.reshape(x, shape)


@reshape.vjp
def _(g, out, x, shape):
    return xp.reshape(g, x.shape), None


@reshape.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)), (5, 6))
    yield call(rng.normal(size=(2, 3, 5)), (3, -1))


@primitive
def transpose(x, axes=None):
    """Axes in another order (reversed where `axes` is None)."""
    return xp.transpose(x, axes)


@transpose.vjp
def _(g, out, x, axes=None):
    if axes is None:
        return xp.transpose(g), None
    axes = [a % x.ndim for a in axes]
    return xp.transpose(g, sorted(range(x.ndim), key=axes.__getitem__)), None  # the way back


@transpose.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)), (1, -1, 0))


@primitive
def broadcast_to(x, shape):
    """x repeated (as a view) along axes of length 1 until it has `shape`."""
    return xp.broadcast_to(x, shape)


@broadcast_to.vjp
def _(g, out, x, shape):
    return g, None


@broadcast_to.samples
def _(rng):
    yield call(rng.normal(size=(3, 1)), (2, 3, 5))


@primitive
def flip(x, axis):
    """The elements along `axis` in reverse order."""
    return xp.flip(x, axis=axis)


@flip.vjp
def _(g, out, x, axis):
    return xp.flip(g, axis=axis), None


@flip.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)), -2)


@primitive
def pad(x, widths):
    """Zeros around x: `widths` has one (before, after) pair an axis."""
    return xp.pad(x, widths)


@pad.vjp
def _(g, out, x, widths):
    return g[tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape))], None


@pad.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), ((1, 0), (2, 5)))


class _Joined(Primitive):
    """A primitive of any number of arrays: f(x, y, ..., axis=0)."""

    def __init__(self, forward):
        super().__init__(forward)
        del self.__wrapped__  # its signature is not the one to call

    def __call__(self, arrays, axis=0):
        if len(arrays) == 0:
            raise ShapeError(
                self.name, expected="at least one array", got="an empty list", hint="check the list"
            )
        return super().__call__(*arrays, axis=axis)


def _concatenate(*arrays, axis=0):
    """One array after the other along an existing `axis`: concatenate([x, y], axis=-1)."""
    return xp.concatenate(arrays, axis=axis)


concatenate = _Joined(_concatenate)


@concatenate.vjp
def _(g, out, *arrays, axis=0):
    starts = np.cumsum([0] + [a.shape[axis] for a in arrays]).tolist()
    before = (slice(None),) * (axis % g.ndim)
    return [g[(*before, slice(i, j))] for i, j in zip(starts, starts[1:])]


@concatenate.samples
def _(rng):
    yield call([rng.normal(size=(2, 3)), rng.normal(size=(2, 5))], axis=-1)
    yield call([rng.normal(size=(2, 3)), rng.normal(size=(1, 3)), rng.normal(size=(0, 3))])


def _stack(*arrays, axis=0):
    """Arrays of one shape along a new `axis`: stack([x, y], axis=1)."""
    return xp.stack(arrays, axis=axis)


stack = _Joined(_stack)


@stack.vjp
def _(g, out, *arrays, axis=0):
    before = (slice(None),) * (axis % g.ndim)
    return [g[(*before, i)] for i in range(len(arrays))]


@stack.samples
def _(rng):
    yield call([rng.normal(size=(2, 3)), rng.normal(size=(2, 3))], axis=-2)


def swapaxes(x, first, second):
    """Two axes exchanged."""
    x = as_tensor(x)
    axes = list(range(x.ndim))
    axes[first], axes[second] = axes[second], axes[first]
    return transpose(x, tuple(axes))


def expand_dims(x, axis):
    """A new axis of length 1 at `axis`."""
    x = as_tensor(x)
    axis = axis % (x.ndim + 1)
    return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


def squeeze(x, axis):
    """x without its `axis`, whose length must be 1."""
    x = as_tensor(x)
    if x.shape[axis] != 1:
        raise ShapeError(
            f"squeeze(axis={axis})", expected="an axis of length 1", got=f"shape {x.shape}", hint="index it"
        )
    axis = axis % x.ndim
    return reshape(x, x.shape[:axis] + x.shape[axis + 1 :])


def split(x, parts, axis=-1):
    """x cut into `parts` equal pieces along `axis`, as a list."""
    x = as_tensor(x)
    n = x.shape[axis]
    if n % parts:
        raise ShapeError(
            f"split(parts={parts}, axis={axis})",
            expected=f"a length that {parts} divides",
            got=f"length {n} of shape {x.shape}",
            hint="choose another number of parts, or slice by hand",
        )
    before = (slice(None),) * (axis % x.ndim)
    size = n // parts
    return [x[(*before, slice(i * size, (i + 1) * size))] for i in range(parts)]


def repeat_heads(x, times):
    """(B, H, T, d) -> (B, H * times, T, d): every head `times` times in a row, so that a group shares it."""
    if times == 1:
        return x
    b, h, t, d = x.shape
    return reshape(broadcast_to(expand_dims(x, 2), (b, h, times, t, d)), (b, h * times, t, d))
