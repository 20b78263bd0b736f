"""Layer norm and RMS norm, one warp a row. RMS norm is layer norm without the mean and without the bias.

    normal = (x - mean) scale,  scale = 1 / sqrt(mean((x - mean)^2) + eps),  out = normal gain + bias

With h = g gain: dL/dx = scale (h - mean(h) - normal mean(h normal)). The first mean is there because x moves
its mean, so RMS norm lacks it; the second because x moves its scale. dL/dgain = sum over rows of g normal,
dL/dbias = sum over rows of g: each block adds up a piece of 32 columns and 256 rows.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..norm import layer_norm, rms_norm
from .common import HELPERS, WARPS, a_warp_a_row, covered, dense

PIECE = 256  # rows that one block of norm_columns adds up
SOURCE = (
    HELPERS
    + r"""
#define PIECE 256

// centre = 1: layer norm; 0: RMS norm, whose bias is not read.
extern "C" __global__ void norm_forward(const float* x, const float* gain, const float* bias, int centre,
                                        float eps, int rows, int n, float* out, float* normal, float* scale)
{
    int row = my_row();
    if (row >= rows) return;
    x += row * n, out += row * n, normal += row * n;
    float mean = 0, square = 0;
    if (centre) {
        for (int j = threadIdx.x; j < n; j += 32) mean += x[j];
        mean = warp_sum(mean) / n;
    }
    for (int j = threadIdx.x; j < n; j += 32) square += (x[j] - mean) * (x[j] - mean);
    float by = 1 / sqrtf(warp_sum(square) / n + eps);
    for (int j = threadIdx.x; j < n; j += 32) {
        normal[j] = (x[j] - mean) * by;
        out[j] = normal[j] * gain[j] + (centre ? bias[j] : 0.0f);
    }
    if (threadIdx.x == 0) scale[row] = by;
}

extern "C" __global__ void norm_backward(const float* g, const float* normal, const float* scale,
                                         const float* gain, int centre, int rows, int n, float* dx)
{
    int row = my_row();
    if (row >= rows) return;
    g += row * n, normal += row * n, dx += row * n;
    float mean = 0, along = 0;
    for (int j = threadIdx.x; j < n; j += 32) {
        mean += g[j] * gain[j];
        along += g[j] * gain[j] * normal[j];
    }
    mean = centre ? warp_sum(mean) / n : 0.0f;
    along = warp_sum(along) / n;
    for (int j = threadIdx.x; j < n; j += 32)
        dx[j] = scale[row] * (g[j] * gain[j] - mean - normal[j] * along);
}

// Adds to d_gain and d_bias (n,), which come as zeros. Here a lane is a column.
extern "C" __global__ void norm_columns(const float* g, const float* normal, int rows, int n,
                                        float* d_gain, float* d_bias)
{
    __shared__ float gains[WARPS][32], biases[WARPS][32];
    int lane = threadIdx.x, warp = threadIdx.y, column = blockIdx.x * 32 + lane;
    int first = blockIdx.y * PIECE, last = min(first + PIECE, rows);
    float for_gain = 0, for_bias = 0;
    for (int row = first + warp; row < last && column < n; row += WARPS) {
        for_gain += g[row * n + column] * normal[row * n + column];
        for_bias += g[row * n + column];
    }
    gains[warp][lane] = for_gain, biases[warp][lane] = for_bias;
    __syncthreads();
    if (warp > 0 || column >= n) return;
    for (int other = 1; other < WARPS; other++) {
        for_gain += gains[other][lane];
        for_bias += biases[other][lane];
    }
    atomicAdd(&d_gain[column], for_gain);
    atomicAdd(&d_bias[column], for_bias);
}
"""
)
forward, backward = raw_kernel(SOURCE, "norm_forward"), raw_kernel(SOURCE, "norm_backward")
columns = raw_kernel(SOURCE, "norm_columns")


def norm_forward(x, gain, bias, centre, eps):
    """(out, (normal, scale)) of either norm, Declined where the kernel does not fit."""
    if not covered(x, gain, bias):
        return Declined("an array is empty or not float32")
    if not gain.shape == bias.shape == x.shape[-1:]:
        return Declined("the gain is not one number a column")
    out, normal = xp.empty(x.shape, dtype=x.dtype), xp.empty(x.shape, dtype=x.dtype)
    n, scale = x.shape[-1], xp.empty(x.shape[:-1], dtype=x.dtype)
    rows = x.size // n
    given = dense(x), dense(gain), dense(bias), centre, float(eps)
    forward(*a_warp_a_row(rows), *given, rows, n, out, normal, scale)
    return out, (normal, scale)


def norm_backward(g, saved, gain, centre):
    """(dL/dx, dL/dgain, dL/dbias) of either norm."""
    normal, scale = saved
    g, n = dense(g), normal.shape[-1]
    dx, rows = xp.empty(normal.shape, dtype=normal.dtype), normal.size // n
    d_gain, d_bias = xp.zeros(n, dtype=normal.dtype), xp.zeros(n, dtype=normal.dtype)
    backward(*a_warp_a_row(rows), g, normal, scale, dense(gain), centre, rows, n, dx)
    columns((-(-n // 32), -(-rows // PIECE)), (32, WARPS), g, normal, rows, n, d_gain, d_bias)
    return dx, d_gain, d_bias


@layer_norm.kernel("cupy")
def _(x, gain, bias, eps=1e-5):
    return norm_forward(x, gain, bias, 1, eps)


@layer_norm.vjp_kernel("cupy")
def _(g, out, saved, x, gain, bias, eps=1e-5):
    return norm_backward(g, saved, gain, 1)


@rms_norm.kernel("cupy")
def _(x, gain, eps=1e-6):
    return norm_forward(x, gain, gain, 0, eps)


@rms_norm.vjp_kernel("cupy")
def _(g, out, saved, x, gain, eps=1e-6):
    return norm_backward(g, saved, gain, 0)[:2]
