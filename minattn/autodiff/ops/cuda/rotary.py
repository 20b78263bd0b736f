"""Rotary positions, one thread a pair of coordinates.

A pair (even, odd) turns by the angle a of its place: even' = even cos a - odd sin a, odd' = even sin a + odd
cos a. The transpose of a turn is the turn the other way: backward is the same kernel with minus the angle.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..rotary import _rotary
from .common import HELPERS, a_thread_an_element, covered, dense

SOURCE = (
    HELPERS
    + r"""
// x (.., places, 2 half) holds n pairs; cos and sin (places, half). way = 1 turns, -1 turns back.
extern "C" __global__ void turn_pairs(const float* x, const float* cos, const float* sin, float way, int n,
                                      int places, int half, float* out)
{
    int i = my_element();
    if (i >= n) return;
    int angle = i / half % places * half + i % half;
    float even = x[2 * i], odd = x[2 * i + 1], c = cos[angle], s = way * sin[angle];
    out[2 * i] = even * c - odd * s;
    out[2 * i + 1] = even * s + odd * c;
}
"""
)
turn_pairs = raw_kernel(SOURCE, "turn_pairs")


def _turned(x, cos, sin, way):
    out, pairs = xp.empty(x.shape, dtype=x.dtype), x.size // 2
    given = dense(x), dense(cos), dense(sin), way, pairs, *cos.shape
    turn_pairs(*a_thread_an_element(pairs), *given, out)
    return out


@_rotary.kernel("cupy")
def _(x, cos, sin):
    if not covered(x, cos, sin):
        return Declined("an array is empty or not float32")
    if not cos.shape == sin.shape == (x.shape[-2], x.shape[-1] // 2):
        return Declined("not one angle for each place and pair")
    return _turned(x, cos, sin, 1.0)


@_rotary.vjp_kernel("cupy")
def _(g, out, x, cos, sin):
    _, for_cos, for_sin = _rotary._vjp(g, out, x, cos, sin)
    return lambda: _turned(g, cos, sin, -1.0), for_cos, for_sin
