"""GELU, one thread an element; forward keeps the derivative, so backward is one product.

y = x (1 + t) / 2 with t = tanh(u), u = c (x + a x^3), c = sqrt(2 / pi), a = 0.044715. From dt/du = 1 - t^2
and du/dx = c (1 + 3 a x^2) follows dy/dx = (1 + t) / 2 + x (1 - t^2) c (1 + 3 a x^2) / 2.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..elementwise import gelu
from .common import HELPERS, a_thread_an_element, covered, dense

SOURCE = (
    HELPERS
    + r"""
extern "C" __global__ void gelu_forward(const float* x, int n, float* out, float* slope)
{
    const float c = 0.7978845608f, a = 0.044715f;
    int i = my_element();
    if (i >= n) return;
    float y = x[i], t = tanhf(c * (y + a * y * y * y));
    out[i] = 0.5f * y * (1 + t);
    slope[i] = 0.5f * (1 + t) + 0.5f * y * (1 - t * t) * c * (1 + 3 * a * y * y);
}
"""
)
forward = raw_kernel(SOURCE, "gelu_forward")


@gelu.kernel("cupy")
def _(x):
    if not covered(x):
        return Declined("an array is empty or not float32")
    out, slope = xp.empty(x.shape, dtype=x.dtype), xp.empty(x.shape, dtype=x.dtype)
    forward(*a_thread_an_element(x.size), dense(x), x.size, out, slope)
    return out, slope


@gelu.vjp_kernel("cupy")
def _(g, out, slope, x):
    return (g * slope,)
