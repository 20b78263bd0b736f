"""Turning pairs of coordinates, as rotary positions do."""

import numpy as np

from ...backends import Declined, jit, prange, xp
from ...errors import ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor
from .kernel_math import MIXED, dense, same_float


@primitive
def _rotary(x, cos, sin):
    """The fused part of `rotary`."""
    out, even, odd = xp.empty(x.shape, dtype=x.dtype), x[..., 0::2], x[..., 1::2]
    out[..., 0::2] = even * cos - odd * sin
    out[..., 1::2] = even * sin + odd * cos
    return out


@_rotary.vjp
def _(g, out, x, cos, sin):
    even, odd, g_even, g_odd = x[..., 0::2], x[..., 1::2], g[..., 0::2], g[..., 1::2]
    return (
        lambda: _rotary.forward(g, cos, -sin),  # the way back is the same turn by minus the angle
        lambda: g_even * even + g_odd * odd,
        lambda: g_odd * even - g_even * odd,
    )


@jit(parallel=True, fastmath=True)
def turn_pairs(x, x_steps, cos, sin, out, out_steps, heads):
    """Turn the pairs in each row of x (rows, d) by the angles of its place, into a row of out (rows, d).

    x and out hold the same rows, each in an order of its own: from one batch entry, head or place to the
    next it is so many rows as the three numbers of x_steps, or of out_steps, say. cos, sin (T, d/2).
    """
    places = cos.shape[0]
    for turn in prange(x.shape[0] // heads):
        b, t = turn // places, turn % places
        for h in range(heads):
            row = x[b * x_steps[0] + h * x_steps[1] + t * x_steps[2]]
            turned = out[b * out_steps[0] + h * out_steps[1] + t * out_steps[2]]
            for i in range(cos.shape[1]):
                even, odd = row[2 * i], row[2 * i + 1]
                turned[2 * i] = even * cos[t, i] - odd * sin[t, i]
                turned[2 * i + 1] = even * sin[t, i] + odd * cos[t, i]


def _rows_and_steps(x):
    """x (B, H, T, d) for the kernel. Heads just split off their projection stay where they lie: by place."""
    _, h, t, d = x.shape
    by_place = x.transpose(0, 2, 1, 3)
    if by_place.flags.carray:
        return by_place.reshape(-1, d), (t * h, 1, h)
    return dense(x).reshape(-1, d), (h * t, t, 1)


def _turned(x, cos, sin, out):
    """x (B, H, T, d) turned into `out`, which lies in memory by head or by place."""
    turn_pairs(*_rows_and_steps(x), dense(cos), dense(sin), *_rows_and_steps(out), x.shape[1])
    return out


@_rotary.kernel("numba")
def _(x, cos, sin):
    if x.ndim != 4 or x.size == 0:
        return Declined("not four axes, or one of them is empty")
    if not cos.shape == sin.shape == (x.shape[-2], x.shape[-1] // 2):
        return Declined("not one angle for each place and pair")
    if not same_float(x, cos, sin):
        return Declined(MIXED)
    return _turned(x, cos, sin, np.empty(x.shape, x.dtype))


@_rotary.vjp_kernel("numba")
def _(g, out, x, cos, sin):
    _, for_cos, for_sin = _rotary._vjp(g, out, x, cos, sin)
    # In the order of x, so that joining the heads again moves nothing.
    return lambda: _turned(g, cos, -sin, np.empty_like(x)), for_cos, for_sin


@_rotary.samples
def _(rng):
    angles = rng.normal(size=(5, 3))
    yield call(rng.normal(size=(2, 7, 5, 6)), np.cos(angles), np.sin(angles))
    yield call(rng.normal(size=(2, 5, 7, 6)).swapaxes(1, 2), np.cos(angles), np.sin(angles))
    yield call(rng.normal(size=(5, 6)), np.cos(angles), np.sin(angles))
    yield call(rng.normal(size=(2, 7, 0, 6)), np.ones((0, 3)), np.zeros((0, 3)))


def rotary(x, cos, sin):
    """Turn the pair of coordinates 2i and 2i+1 at place t by an angle a with cos[t, i] and sin[t, i].

        out_2i = x_2i cos a - x_2i+1 sin a        out_2i+1 = x_2i sin a + x_2i+1 cos a

    x         (.., T, d), d even
    cos, sin  (T, d/2)
    Returns the shape of x; where cos^2 + sin^2 = 1, lengths stay as they are. Raises ShapeError where the
    shapes do not fit. Source: arXiv 2104.09864, equation 34.

        >>> rotary([[1.0, 2.0]], [[0.0]], [[1.0]]).numpy().tolist()  # a quarter turn
        [[-2.0, 1.0]]
    """
    x, cos, sin = as_tensor(x), as_tensor(cos), as_tensor(sin)
    if x.ndim < 2 or x.shape[-1] % 2 or not cos.shape == sin.shape == (x.shape[-2], x.shape[-1] // 2):
        raise ShapeError(
            "rotary(x, cos, sin)",
            expected="x (.., T, d) with an even d, cos and sin (T, d/2)",
            got=f"x {x.shape}, cos {cos.shape}, sin {sin.shape}",
            hint="one row of angles a place, one angle a pair",
        )
    return _rotary(x, cos, sin)
