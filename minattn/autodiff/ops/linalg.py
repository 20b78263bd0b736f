"""Matrix products."""

from ...backends import xp
from ..primitive import call, primitive


@primitive
def matmul(x, y):
    """x @ y over the last two axes; the axes before them broadcast. 1-D arguments as in NumPy."""
    return xp.matmul(x, y)


@matmul.vjp
def _(g, out, x, y):
    rows = x[None] if x.ndim == 1 else x  # (.., n, k)
    columns = y[:, None] if y.ndim == 1 else y  # (.., k, m)
    if x.ndim == 1:
        g = xp.expand_dims(g, -1 if y.ndim == 1 else -2)
    if y.ndim == 1:
        g = xp.expand_dims(g, -1)

    def for_x():
        part = xp.matmul(g, xp.swapaxes(columns, -1, -2))
        return part[..., 0, :] if x.ndim == 1 else part

    def for_y():
        left, right = rows, g
        if y.ndim >= 2 and x.ndim > y.ndim:  # one product over all rows that share y, not a sum of many
            left, right = _joined(rows, x.ndim - y.ndim), _joined(g, x.ndim - y.ndim)
        part = xp.matmul(xp.swapaxes(left, -1, -2), right)
        return part[..., 0] if y.ndim == 1 else part

    return for_x, for_y


def _joined(a, n):
    """The first `n` axes of (A.., H.., T, d) joined to its rows: (H.., A.. * T, d)."""
    a = xp.moveaxis(a, tuple(range(n)), tuple(range(-2 - n, -2)))
    return a.reshape(*a.shape[: -2 - n], -1, a.shape[-1])


@matmul.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(3, 5)))
    yield call(rng.normal(size=(7, 2, 3)), rng.normal(size=(3, 5)))
    yield call(rng.normal(size=(7, 1, 2, 3)), rng.normal(size=(11, 3, 5)))
    yield call(rng.normal(size=(7, 13, 11, 2, 3)), rng.normal(size=(11, 3, 5)))
    yield call(rng.normal(size=(7, 11, 2, 3)), rng.normal(size=(1, 3, 5)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(3, 5)))
    yield call(rng.normal(size=(7, 2, 3)), rng.normal(size=(3,)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(3,)))
    yield call(rng.normal(size=(0, 3)), rng.normal(size=(3, 5)))


@primitive
def linear(x, weight, bias=None):
    """x @ weight.T + bias: x (.., n_in), weight (n_out, n_in), bias (n_out,) or None -> (.., n_out)."""
    out = xp.matmul(x.reshape(-1, x.shape[-1]), weight.T)
    if bias is not None:
        out += bias
    return out.reshape(*x.shape[:-1], weight.shape[0])


@linear.vjp
def _(g, out, x, weight, bias=None):
    rows = g.reshape(-1, g.shape[-1])
    return (
        lambda: xp.matmul(rows, weight).reshape(x.shape),
        lambda: xp.matmul(rows.T, x.reshape(-1, x.shape[-1])),
        None if bias is None else lambda: xp.sum(rows, axis=0),
    )


@linear.samples
def _(rng):
    yield call(rng.normal(size=(2, 5, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7,)))
    yield call(rng.normal(size=(3,)), rng.normal(size=(7, 3)))
    yield call(rng.normal(size=(0, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7,)))
