"""Convolutions: a filter slid over a signal, as windows times a matrix."""

import itertools

from ...backends import xp
from ...errors import ArgumentError, ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor


def _columns(x, sizes, stride, padding, dilation):
    """Every window of x as one row: (B * out_1 * .. * out_n, C * k_1 * .. * k_n), and (out_1, .., out_n)."""
    n = len(sizes)
    x = xp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(sizes, dilation))
    windows = xp.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(2, 2 + n)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, s) for s in stride))]
    windows = windows[(Ellipsis, *(slice(None, None, d) for d in dilation))]  # (B, C, out.., k..)
    order = (0, *range(2, 2 + n), 1, *range(2 + n, 2 + 2 * n))
    outs = windows.shape[2 : 2 + n]
    return xp.transpose(windows, order).reshape(-1, x.shape[1] * _product(sizes)), outs


def _product(numbers):
    total = 1
    for n in numbers:
        total *= n
    return total


@primitive(saves=True)
def _convolution(x, weight, bias=None, stride=(1,), padding=(0,), dilation=(1,)):
    """The fused part of conv1d and conv2d, for any number of axes; keeps the windows."""
    columns, outs = _columns(x, weight.shape[2:], stride, padding, dilation)
    out = xp.matmul(columns, weight.reshape(weight.shape[0], -1).T)
    if bias is not None:
        out += bias
    return xp.moveaxis(out.reshape(x.shape[0], *outs, weight.shape[0]), -1, 1), columns


@_convolution.vjp
def _(g, out, columns, x, weight, bias=None, stride=(1,), padding=(0,), dilation=(1,)):
    outs, sizes = g.shape[2:], weight.shape[2:]
    rows = xp.moveaxis(g, 1, -1).reshape(-1, weight.shape[0])

    def for_x():
        windows = xp.matmul(rows, weight.reshape(weight.shape[0], -1))
        windows = windows.reshape(x.shape[0], *outs, x.shape[1], *sizes)
        full = xp.zeros((*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding))), dtype=g.dtype)
        for place in itertools.product(*map(range, sizes)):  # each tap of the filter adds one strided slice
            touched = tuple(
                slice(i * d, i * d + s * (n - 1) + 1, s) for i, d, s, n in zip(place, dilation, stride, outs)
            )
            full[(slice(None), slice(None), *touched)] += xp.moveaxis(windows[(Ellipsis, *place)], -1, 1)
        return full[(slice(None), slice(None), *(slice(p, p + n) for n, p in zip(x.shape[2:], padding)))]

    return (
        for_x,
        lambda: xp.matmul(rows.T, columns).reshape(weight.shape),
        None if bias is None else lambda: xp.sum(rows, axis=0),
    )


@_convolution.samples
def _(rng):
    bias = rng.normal(size=5)
    yield call(rng.normal(size=(2, 3, 7)), rng.normal(size=(5, 3, 2)), bias)
    options = {"stride": (2,), "padding": (2,), "dilation": (3,)}
    yield call(rng.normal(size=(2, 3, 11)), rng.normal(size=(5, 3, 3)), **options)
    options = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
    yield call(rng.normal(size=(2, 3, 5, 7)), rng.normal(size=(5, 3, 2, 3)), bias, **options)
    yield call(rng.normal(size=(0, 3, 7)), rng.normal(size=(5, 3, 2)), bias)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """out[b, o, t] = bias[o] + sum over c, i of weight[o, c, i] x[b, c, stride t + dilation i - padding].

    x         (B, C, T); zeros stand before and after it
    weight    (C_out, C, k)
    bias      (C_out,) or None
    stride    steps between windows; padding: zeros on each side; dilation: distance between taps
    Returns (B, C_out, (T + 2 padding - dilation (k - 1) - 1) // stride + 1).
    Raises ShapeError where shapes do not fit or no window fits, ArgumentError for settings below their least.

        >>> conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]])).numpy().tolist()
        [[[1.0, 2.0]]]
    """
    return _checked("conv1d", 1, x, weight, bias, stride, padding, dilation)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """conv1d over two axes: x (B, C, height, width), weight (C_out, C, k, l).

    stride, padding, dilation   a number for both axes or a pair
    Returns (B, C_out, height', width'), each length as in `conv1d`; raises as `conv1d`.
    """
    return _checked("conv2d", 2, x, weight, bias, stride, padding, dilation)


def _checked(name, n, x, weight, bias, stride, padding, dilation):
    x, weight = as_tensor(x), as_tensor(weight)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    for key, value in options.items():
        options[key] = value = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
        least = 0 if key == "padding" else 1
        if len(value) != n or any(not isinstance(i, int) or i < least for i in value):
            raise ArgumentError(
                name,
                expected=f"{key}: {n} integer(s) >= {least}",
                got=f"{key}={value}",
                hint=f"{key}={least}",
            )
    layout = "(B, C, T)" if n == 1 else "(B, C, height, width)"
    if x.ndim != n + 2 or weight.ndim != n + 2 or x.shape[1] != weight.shape[1]:
        raise ShapeError(
            name,
            expected=f"x {layout} and weight (C_out, C, {'k' if n == 1 else 'k, l'})",
            got=f"x {x.shape}, weight {weight.shape}",
            hint="channels come second: x.swapaxes(1, -1)",
        )
    room = [t + 2 * p - d * (k - 1) for t, k, p, d in zip(
        x.shape[2:], weight.shape[2:], options["padding"], options["dilation"])]  # fmt: skip
    if any(r < 1 for r in room):
        raise ShapeError(
            name,
            expected="a signal as long as the filter",
            got=f"x {x.shape}, weight {weight.shape}, {options}",
            hint="raise padding or take a smaller filter",
        )
    return _convolution(x, weight, bias, **options)
