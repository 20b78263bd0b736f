"""Functions that pick elements by their place, and their adjoints, which add to a place."""

import numpy as np

from ...backends import Declined, asnumpy, jit, recording, xp
from ...errors import ArgumentError, DTypeError
from ..primitive import call, primitive
from ..tensor import Tensor, as_tensor
from .kernel_math import MIXED, dense, same_float


@jit
def add_rows(full, ids, rows):
    """full[ids[i]] += rows[i] for every i: full (V, d), ids (N,), rows (N, d)."""
    for i in range(ids.size):
        into = full[ids[i]]
        for j in range(into.size):
            into[j] += rows[i, j]


@jit
def add_along(full, index, values):
    """full[a, index[a, i, c], c] += values[a, i, c]: full (A, n, C), index and values (A, m, C)."""
    for a in range(index.shape[0]):
        for i in range(index.shape[1]):
            for c in range(index.shape[2]):
                full[a, index[a, i, c], c] += values[a, i, c]


def _may_repeat(index):
    """True where an element can be picked twice: only arrays of integers do that."""
    return any(hasattr(part, "dtype") and part.dtype.kind in "iu" for part in index)


@primitive
def _getitem(x, index):
    """x[index] for a tuple of slices, integers, integer arrays or boolean masks."""
    return x[index]


@_getitem.vjp
def _(g, out, x, index):
    full = xp.zeros(x.shape, dtype=g.dtype)
    if _may_repeat(index):
        xp.add.at(full, index, g)
    else:
        full[index] = g
    return full, None


@_getitem.vjp_kernel("numba")
def _(g, out, x, index):
    if len(index) != 1 or not _may_repeat(index):
        return Declined("not one array of integers")
    if not same_float(g):
        return Declined(MIXED)
    full = np.zeros(x.shape, g.dtype)
    add_rows(full.reshape(len(x), -1), _ids(index[0]), dense(g.reshape(index[0].size, -1)))
    return full, None


def _ids(array):
    return dense(array.reshape(-1).astype(np.int64, copy=False))


@_getitem.samples
def _(rng):
    x = rng.normal(size=(3, 5, 2))
    yield call(x, (slice(None), slice(1, None, 2)))
    yield call(x, (-1,))
    yield call(x, (Ellipsis, None, 0))
    yield call(x, (np.array([0, 2, 0]), np.array([1, 1, 1])))
    yield call(x, (np.array([[2, -1], [2, 0]]),))
    yield call(x, (x > 0,))
    yield call(x, (slice(None), np.array([True, False, True, True, False])))


def getitem(x, index):
    """x[index]; tensors inside `index` are used as arrays.

    Raises ArgumentError where the index does not fit.
    """
    parts = index if isinstance(index, tuple) else (index,)
    return _getitem(x, tuple(_place(part) for part in parts))


def _place(part):
    if isinstance(part, Tensor):
        return part.data
    if isinstance(part, np.integer):
        return int(part)
    return xp.asarray(part) if isinstance(part, (list, np.ndarray)) else part


@primitive
def take_along_axis(x, index, axis=-1):
    """Gather: out[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; `index` has x's number of axes."""
    return xp.take_along_axis(x, index, axis=axis)


def _grid(shape, index, axis):
    """The index arrays that address `index`'s elements along `axis` of an array of `shape`."""
    places = [
        xp.arange(n).reshape([-1 if j == i else 1 for j in range(len(shape))]) for i, n in enumerate(shape)
    ]
    places[axis] = index
    return tuple(places)


def _add_along(full, index, values, axis):
    """add_along for any axis; changes `full`."""
    axis = axis % full.ndim
    a, c = int(np.prod(full.shape[:axis])), int(np.prod(full.shape[axis + 1 :]))
    n, m = full.shape[axis], index.shape[axis]
    index = np.broadcast_to(index % n, (*full.shape[:axis], m, *full.shape[axis + 1 :])).reshape(a, m, c)
    add_along(
        full.reshape(a, n, c), dense(index.astype(np.int64, copy=False)), dense(values.reshape(a, m, c))
    )
    return full


@take_along_axis.vjp
def _(g, out, x, index, axis=-1):
    full = xp.zeros(x.shape, dtype=g.dtype)
    xp.add.at(full, _grid(x.shape, index, axis), g)
    return full, None


@take_along_axis.vjp_kernel("numba")
def _(g, out, x, index, axis=-1):
    one_for_one = all(n == m for i, (n, m) in enumerate(zip(x.shape, g.shape)) if i != axis % x.ndim)
    if g.size == 0 or not one_for_one:
        return Declined("the index broadcasts, or is empty")
    if not same_float(g):
        return Declined(MIXED)
    return _add_along(np.zeros(x.shape, g.dtype), index, g, axis), None


@take_along_axis.samples
def _(rng):
    x = rng.normal(size=(3, 5, 2))
    yield call(x, rng.integers(0, 5, size=(3, 7, 2)), axis=-2)
    yield call(x, rng.integers(-2, 2, size=(3, 5, 1)))
    yield call(x, rng.integers(0, 5, size=(1, 7, 2)), axis=1)
    yield call(x[:1], rng.integers(0, 5, size=(3, 7, 2)), axis=1)


@primitive
def scatter_add(x, index, values, axis=-1):
    """x with values[.., i, ..] added at index[.., i, ..] along `axis`: the adjoint of take_along_axis."""
    full = xp.array(x)
    xp.add.at(full, _grid(x.shape, index, axis), values)
    return full


@scatter_add.vjp
def _(g, out, x, index, values, axis=-1):
    return g, None, lambda: xp.take_along_axis(g, index, axis=axis)


@scatter_add.kernel("numba")
def _(x, index, values, axis=-1):
    if not same_float(x, values):
        return Declined(MIXED)
    fits = x.ndim == index.ndim == values.ndim and values.size > 0
    if not fits or not np.all((index >= -x.shape[axis]) & (index < x.shape[axis])):
        return Declined("places outside of x, or none")
    want = [n for i, n in enumerate(x.shape) if i != axis % x.ndim]
    got = [n for i, n in enumerate(values.shape) if i != axis % x.ndim]
    if want != got or values.shape[axis] != index.shape[axis]:
        return Declined("the shapes differ")
    return _add_along(np.array(x, order="C"), index, values, axis)


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


@_embedding.vjp_kernel("numba")
def _(g, out, table, ids):
    if not same_float(g) or g.size == 0:
        return Declined("there are no ids, or not of numbers that the kernel knows")
    full = np.zeros(table.shape, g.dtype)
    add_rows(full, _ids(ids), dense(g.reshape(-1, table.shape[1])))
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
    if ids.size and not recording() and (int(ids.min()) < 0 or int(ids.max()) >= rows):
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
    x = as_tensor(x)
    n = x.shape[axis]
    if not 1 <= k <= n:
        raise ArgumentError(
            "top_k(x, k)", expected=f"1 <= k <= {n}", got=f"k={k}", hint="min(k, x.shape[axis])"
        )
    order = xp.argpartition(x.data, n - k, axis=axis)
    chosen = xp.take(order, xp.arange(n - k, n), axis=axis)
    return take_along_axis(x, chosen, axis=axis), asnumpy(chosen)
