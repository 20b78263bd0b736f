"""Functions that bring an axis down to one number, and running sums."""

from ...backends import xp
from ...errors import ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor


def _spread(g, x, axis, keepdims):
    """A reduced gradient with its lost axes put back, so that it broadcasts against x."""
    if keepdims or axis is None and g.ndim == x.ndim:
        return g
    if axis is None:
        return g.reshape((1,) * x.ndim)
    axes = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
    return g.reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def _need_elements(name, x, axis):
    axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    if any(x.shape[a] == 0 for a in axes):
        raise ShapeError(
            f"{name}(axis={axis})",
            expected="at least one element to choose from",
            got=f"shape {x.shape}",
            hint="leave empty batches out before the call",
        )


@primitive
def sum(x, axis=None, keepdims=False):
    """The sum over `axis` (an int, a tuple, or None for all)."""
    return xp.sum(x, axis=axis, keepdims=keepdims)


@sum.vjp
def _(g, out, x, axis=None, keepdims=False):
    return (lambda: xp.broadcast_to(_spread(g, x, axis, keepdims), x.shape),)


@sum.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)), axis=-2)
    yield call(rng.normal(size=(2, 3, 5)), axis=(0, 2), keepdims=True)
    yield call(rng.normal(size=(0, 3)), axis=0)


@primitive
def max(x, axis=None, keepdims=False):
    """The largest element; ties share the gradient equally."""
    _need_elements("max", x, axis)
    return xp.max(x, axis=axis, keepdims=keepdims)


@max.vjp
def _(g, out, x, axis=None, keepdims=False):
    best = x == _spread(out, x, axis, keepdims)
    share = best / xp.sum(best, axis=axis, keepdims=True)
    return (_spread(g, x, axis, keepdims) * share.astype(g.dtype),)


@max.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)), axis=-2)
    yield call(rng.normal(size=(2, 3, 5)), axis=(0, 2), keepdims=True)


@primitive
def cumsum(x, axis=-1):
    """Running sums along `axis`."""
    return xp.cumsum(x, axis=axis)


@cumsum.vjp
def _(g, out, x, axis=-1):
    return (lambda: xp.flip(xp.cumsum(xp.flip(g, axis=axis), axis=axis), axis=axis),)


@cumsum.samples
def _(rng):
    yield call(rng.normal(size=(2, 3, 5)))
    yield call(rng.normal(size=(2, 3, 5)), axis=-2)


@primitive
def cumprod(x, axis=-1):
    """Running products along `axis`."""
    return xp.cumprod(x, axis=axis)


@cumprod.vjp
def _(g, out, x, axis=-1):
    """From the last to the first, without a division, so that factors of 0 have a derivative too."""
    g, out, x = (xp.moveaxis(array, axis, 0) for array in (g, out, x))
    grad, later = xp.empty(x.shape, dtype=x.dtype), xp.zeros(x.shape[1:], dtype=x.dtype)
    for i in reversed(range(len(x))):
        later = later + g[i]  # of the product up to i, with all that follows from it
        grad[i] = later * out[i - 1] if i else later
        later = later * x[i]
    return (xp.moveaxis(grad, 0, axis),)


@cumprod.samples
def _(rng):
    some = rng.normal(size=(2, 3, 5))
    yield call(some)
    yield call(some * (rng.random(some.shape) < 0.6), axis=-2)
    yield call(some[:, :0], axis=1)


def min(x, axis=None, keepdims=False):
    """The smallest element; ties share the gradient equally."""
    return -max(-as_tensor(x), axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    """The mean over `axis`."""
    x = as_tensor(x)
    _need_elements("mean", x, axis)
    total = sum(x, axis=axis, keepdims=keepdims)
    return total * (total.size / x.size)


def var(x, axis=None, keepdims=False):
    """The mean squared distance from the mean (divides by N, as NumPy does)."""
    x = as_tensor(x)
    away = x - mean(x, axis=axis, keepdims=True)
    return mean(away * away, axis=axis, keepdims=keepdims)
