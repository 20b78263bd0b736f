"""Softmax of rows, one warp a row.

p = exp(x - top) / total, total = sum exp(x - top), top = max x. A forbidden element counts as -inf; a row of
-inf alone is 0. From dp_j / dx_i = p_j ([i = j] - p_i) follows dL/dx = p (g - sum(g p)).
"""

import numpy as np

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..softmax import softmax
from .common import HELPERS, a_warp_a_row, covered, dense

SOURCE = (
    HELPERS
    + r"""
// softmax of each row of x (rows, n); mask (mask_rows, n) repeats every mask_rows rows.
extern "C" __global__ void softmax_forward(const float* x, const bool* mask, int mask_rows, int rows, int n,
                                           float* out)
{
    int row = my_row();
    if (row >= rows) return;
    x += row * n, out += row * n, mask += row % mask_rows * n;
    float top = -INFINITE, total = 0;
    for (int j = threadIdx.x; j < n; j += 32) top = fmaxf(top, mask[j] ? x[j] : -INFINITE);
    top = warp_max(top);
    for (int j = threadIdx.x; j < n; j += 32) {
        out[j] = mask[j] && top != -INFINITE ? expf(x[j] - top) : 0.0f;
        total += out[j];
    }
    total = warp_sum(total);
    for (int j = threadIdx.x; j < n; j += 32) out[j] /= total == 0 ? 1.0f : total;
}

extern "C" __global__ void softmax_backward(const float* g, const float* out, int rows, int n, float* grad)
{
    int row = my_row();
    if (row >= rows) return;
    g += row * n, out += row * n, grad += row * n;
    float along = 0;
    for (int j = threadIdx.x; j < n; j += 32) along += g[j] * out[j];
    along = warp_sum(along);
    for (int j = threadIdx.x; j < n; j += 32) grad[j] = out[j] * (g[j] - along);
}
"""
)
forward, backward = raw_kernel(SOURCE, "softmax_forward"), raw_kernel(SOURCE, "softmax_backward")


@softmax.kernel("cupy")
def _(x, mask=None, axis=-1):
    if not covered(x):
        return Declined("an array is empty or not float32")
    if x.ndim == 0 or axis % x.ndim != x.ndim - 1:
        return Declined("the axis is not the last one")
    if mask is not None and np.broadcast_shapes(mask.shape, x.shape) != x.shape:
        return Declined("the mask has more rows than the numbers")
    mask = _mask_rows(mask, x.shape)
    n, out = x.shape[-1], xp.empty(x.shape, dtype=x.dtype)
    rows = x.size // n
    forward(*a_warp_a_row(rows), dense(x), mask, mask.size // n, rows, n, out)
    return out


@softmax.vjp_kernel("cupy")
def _(g, out, x, mask=None, axis=-1):
    n, grad = x.shape[-1], xp.empty(x.shape, dtype=x.dtype)
    backward(*a_warp_a_row(x.size // n), dense(g), out, x.size // n, n, grad)
    return grad, None


def _mask_rows(mask, shape):
    """The mask as rows that repeat: axes of length 1 in front are left out, all others written out."""
    if mask is None:
        return xp.ones(shape[-1:], dtype=bool)
    while mask.ndim > 1 and mask.shape[0] == 1:
        mask = mask[0]
    return dense(xp.broadcast_to(mask, shape[len(shape) - max(mask.ndim, 1) :]))
