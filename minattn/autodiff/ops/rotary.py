"""Turning pairs of coordinates, as rotary positions do."""

import numpy as np

from ...backends import jit, xp
from ...errors import ShapeError
from ..primitive import call, primitive
from ..tensor import as_tensor
from .kernel_math import dense, same_float


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


@jit(fastmath=True)
def turn_pairs(x, cos, sin, out):
    """Turn the pairs of x (A, T, C, d) by the angles of place t; out (A, C, T, d) has T next to d."""
    for a in range(x.shape[0]):
        for t in range(x.shape[1]):
            for c in range(x.shape[2]):
                row, turned = x[a, t, c], out[a, c, t]
                for i in range(cos.shape[1]):
                    even, odd = row[2 * i], row[2 * i + 1]
                    turned[2 * i] = even * cos[t, i] - odd * sin[t, i]
                    turned[2 * i + 1] = even * sin[t, i] + odd * cos[t, i]


def _turned(x, cos, sin):
    """x (B, H, T, d) through the kernel. Heads just split off their projection are read where they lie."""
    b, h, t, d = x.shape
    by_time = x.transpose(0, 2, 1, 3)
    given = by_time if by_time.flags.carray else dense(x).reshape(b * h, t, 1, d)
    out = np.empty(x.shape, x.dtype)
    turn_pairs(given, dense(cos), dense(sin), out.reshape(len(given), -1, t, d))
    return out


def _covered(x, cos, sin):
    one_angle_each = cos.shape == sin.shape == (x.shape[-2], x.shape[-1] // 2)
    return x.ndim == 4 and x.size > 0 and one_angle_each and same_float(x, cos, sin)


@_rotary.kernel("numba")
def _(x, cos, sin):
    return _turned(x, cos, sin) if _covered(x, cos, sin) else NotImplemented


@_rotary.vjp_kernel("numba")
def _(g, out, x, cos, sin):
    if not _covered(g, cos, sin):
        return NotImplemented
    _, for_cos, for_sin = _rotary._vjp(g, out, x, cos, sin)
    return lambda: _turned(g, cos, -sin), for_cos, for_sin


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
