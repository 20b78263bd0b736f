"""SiLU and SwiGLU, one thread an element. With s = 1 / (1 + e^-x), whose slope is s (1 - s):

    silu(x) = x s    d silu / dx = s + x s (1 - s)    swiglu(x, y) = x s y

SiLU's forward keeps the slope, so its backward is one product; SwiGLU's keeps s.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..elementwise import silu
from ..gated import swiglu
from .common import HELPERS, a_thread_an_element, covered, dense

SOURCE = (
    HELPERS
    + r"""
extern "C" __global__ void silu_forward(const float* x, int n, float* out, float* slope)
{
    int i = my_element();
    if (i >= n) return;
    float s = 1 / (1 + expf(-x[i]));
    out[i] = x[i] * s;
    slope[i] = s + x[i] * s * (1 - s);
}

extern "C" __global__ void swiglu_forward(const float* x, const float* y, int n, float* out, float* s)
{
    int i = my_element();
    if (i >= n) return;
    s[i] = 1 / (1 + expf(-x[i]));
    out[i] = x[i] * s[i] * y[i];
}

extern "C" __global__ void swiglu_backward(const float* g, const float* x, const float* y, const float* s,
                                           int n, float* dx, float* dy)
{
    int i = my_element();
    if (i >= n) return;
    dx[i] = g[i] * y[i] * (s[i] + x[i] * s[i] * (1 - s[i]));
    dy[i] = g[i] * x[i] * s[i];
}
"""
)
silu_forward, swiglu_forward = raw_kernel(SOURCE, "silu_forward"), raw_kernel(SOURCE, "swiglu_forward")
swiglu_backward = raw_kernel(SOURCE, "swiglu_backward")


@silu.kernel("cupy")
def _(x):
    if not covered(x):
        return Declined("an array is empty or not float32")
    out, slope = xp.empty(x.shape, dtype=x.dtype), xp.empty(x.shape, dtype=x.dtype)
    silu_forward(*a_thread_an_element(x.size), dense(x), x.size, out, slope)
    return out, slope


@silu.vjp_kernel("cupy")
def _(g, out, slope, x):
    return (g * slope,)


@swiglu.kernel("cupy")
def _(x, y):
    if getattr(x, "shape", None) != getattr(y, "shape", ()):
        return Declined("the arguments broadcast")
    if not covered(x, y):
        return Declined("an array is empty or not float32")
    out, s = xp.empty(x.shape, dtype=x.dtype), xp.empty(x.shape, dtype=x.dtype)
    swiglu_forward(*a_thread_an_element(x.size), dense(x), dense(y), x.size, out, s)
    return out, s


@swiglu.vjp_kernel("cupy")
def _(g, out, s, x, y):
    dx, dy = xp.empty(x.shape, dtype=x.dtype), xp.empty(x.shape, dtype=x.dtype)
    swiglu_backward(*a_thread_an_element(x.size), dense(g), dense(x), dense(y), s, x.size, dx, dy)
    return dx, dy
