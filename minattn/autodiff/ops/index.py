"""Functions that pick elements by their place, and their adjoints, which add to a place."""

import numpy as np

from ...backends import asnumpy, xp
from ...errors import ArgumentError, DTypeError
from ..primitive import call, primitive
from ..tensor import Tensor


def _only_slices(index):
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(p, (slice, int, type(None), type(Ellipsis))) for p in parts)


@primitive
def _getitem(x, index):
    """x[index]: slices, integers, integer arrays or a boolean mask."""
    return x[index]


@_getitem.vjp
def _(g, out, x, index):
    full = xp.zeros(x.shape, dtype=g.dtype)
    if _only_slices(index):
        full[index] = g
    else:
        xp.add.at(full, index, g)
    return full, None


@_getitem.samples
def _(rng):
    x = rng.normal(size=(3, 5, 2))
    yield call(x, (slice(None), slice(1, None, 2)))
    yield call(x, -1)
    yield call(x, (Ellipsis, None, 0))
    yield call(x, (np.array([0, 2, 0]), np.array([1, 1, 1])))
    yield call(x, (x > 0,))


def getitem(x, index):
    """x[index]; tensors inside `index` are used as arrays.

    Raises ArgumentError where the index does not fit.
    """
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(_place(p) for p in parts)
    try:
        return _getitem(x, parts)
    except IndexError as error:
        raise ArgumentError(
            "tensor[index]",
            expected=f"an index into shape {x.shape}",
            got=str(error),
            hint="print tensor.shape; indices run from -n to n - 1",
        ) from error


def _place(part):
    if isinstance(part, Tensor):
        return part.data
    return xp.asarray(part) if isinstance(part, (list, np.ndarray)) else part


@primitive
def take_along_axis(x, index, axis=-1):
    """Gather: out[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; `index` has x's number of axes."""
    return xp.take_along_axis(x, index, axis=axis)


def _grid(index, axis):
    """The index arrays that address `index`'s elements along `axis` of a full array."""
    places = [
        xp.arange(n).reshape([-1 if j == i else 1 for j in range(index.ndim)])
        for i, n in enumerate(index.shape)
    ]
    places[axis] = index
    return tuple(places)


@take_along_axis.vjp
def _(g, out, x, index, axis=-1):
    full = xp.zeros(x.shape, dtype=g.dtype)
    xp.add.at(full, _grid(index, axis), g)
    return full, None


@take_along_axis.samples
def _(rng):
    x = rng.normal(size=(3, 5, 2))
    yield call(x, rng.integers(0, 5, size=(3, 7, 2)), axis=-2)
    yield call(x, rng.integers(0, 2, size=(3, 5, 1)))


@primitive
def scatter_add(x, index, values, axis=-1):
    """x with values[.., i, ..] added at index[.., i, ..] along `axis`: the adjoint of take_along_axis."""
    full = xp.array(x)
    xp.add.at(full, _grid(index, axis), values)
    return full


@scatter_add.vjp
def _(g, out, x, index, values, axis=-1):
    return g, None, lambda: xp.take_along_axis(g, index, axis=axis)


@scatter_add.samples
def _(rng):
    index = rng.integers(0, 5, size=(3, 7, 2))
    yield call(rng.normal(size=(3, 5, 2)), index, rng.normal(size=(3, 7, 2)), axis=-2)


@primitive
def _embedding(table, ids):
    """table[ids]."""
    return table[ids]


@_embedding.vjp
def _(g, out, table, ids):
    full = xp.zeros(table.shape, dtype=g.dtype)
    xp.add.at(full, ids.reshape(-1), g.reshape(-1, table.shape[1]))
    return full, None


@_embedding.samples
def _(rng):
    yield call(rng.normal(size=(7, 3)), rng.integers(0, 7, size=(2, 5)))
    yield call(rng.normal(size=(7, 3)), np.zeros((0, 5), dtype=int))


def embedding(table, ids):
    """Rows of `table` (V, d) at integer `ids` (any shape): (*ids.shape, d).

    Raises DTypeError for ids that are not integers, ArgumentError for ids outside 0..V-1.
    """
    ids = ids.data if isinstance(ids, Tensor) else xp.asarray(ids)
    where, rows = "embedding(table, ids)", table.shape[0]
    if ids.dtype.kind not in "iu":
        raise DTypeError(where, expected="integer ids", got=f"dtype {ids.dtype}", hint="ids.astype(int)")
    if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= rows):
        raise ArgumentError(
            where,
            expected=f"ids in 0..{rows - 1}",
            got=f"{int(ids.min())}..{int(ids.max())}",
            hint="build the table with the vocabulary's size; padding needs an id too",
        )
    return _embedding(table, ids)


def top_k(x, k, axis=-1):
    """The k largest along `axis`, in no particular order: (values tensor, integer indices).

    Partitions instead of sorting. The gradient flows to the chosen elements.
    """
    n = x.shape[axis]
    if not 1 <= k <= n:
        raise ArgumentError("top_k(x, k)", expected=f"1 <= k <= {n}", got=f"k={k}", hint="min(k, x.shape[axis])")
    order = xp.argpartition(x.data, n - k, axis=axis)
    chosen = xp.take(order, xp.arange(n - k, n), axis=axis)
    return take_along_axis(x, chosen, axis=axis), asnumpy(chosen)
