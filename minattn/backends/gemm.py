"""Products of float32 matrices on tensor cores, in tf32 or bf16: what `xp.matmul` calls where that is chosen.

cuBLAS stores matrices column by column, we store them row by row, and a matrix read the other way is its
transpose. So C = X Y is asked for as C^T = Y^T X^T: hand over Y, then X, and the result lies as we want it.
A transposed view needs no copy either: cuBLAS is told to turn it. For tf32 the tensor core drops the last
bits itself; for bf16 a kernel first rounds both factors to 16 bits, which also halves what is read.
"""

import math

import numpy as np

from ..errors import ShapeError
from .cuda import raw_kernel

# cuBLAS's and CUDA's own numbers for: the type of an array, how to multiply, whether to turn a matrix.
FLOAT32, BF16 = 0, 14
IN_FLOAT32, IN_TF32 = 68, 77
PLAIN, TURNED = 0, 1
DEFAULT = -1
ONE, ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)

SOURCE = r"""
// The upper half of a float is a bf16: the same exponent, 7 bits of fraction. Adding half of what is cut off,
// and one more where the last bit kept is odd, rounds to the nearest and a tie to even. nan stays nan.
extern "C" __global__ void to_bf16(const float* x, int n, unsigned short* out)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned bits = __float_as_uint(x[i]);
    unsigned rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    out[i] = (x[i] == x[i] ? rounded : bits | 0x400000u) >> 16;
}
"""
_to_bf16 = raw_kernel(SOURCE, "to_bf16")


def matmul(cupy, x, y, precision):
    """x @ y for float32 arrays of two or more axes in "tf32" or "bf16"; the axes in front broadcast."""
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(
            "matmul", expected="(.., n, k) @ (.., k, m)", got=f"{x.shape}, {y.shape}", hint="x.shape"
        )
    if y.ndim == 2 and x.ndim > 2:  # one product over all rows
        flat = matmul(cupy, x.reshape(-1, x.shape[-1]), y, precision)
        return flat.reshape(*x.shape[:-1], y.shape[-1])
    lead = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = (a if a.shape[:-2] == lead else cupy.broadcast_to(a, (*lead, *a.shape[-2:])) for a in (x, y))
    (n, k), m, batch = x.shape[-2:], y.shape[-1], math.prod(lead)
    out = cupy.empty((*lead, n, m), dtype=np.float32)
    if 0 in (batch, n, m):
        return out
    if k == 0:
        return cupy.zeros(out.shape, dtype=np.float32)
    (x, x_turned), (y, y_turned) = _stored(cupy, x), _stored(cupy, y)
    kind, how = FLOAT32, IN_TF32
    if precision == "bf16":
        x, y, kind, how = _rounded(cupy, x), _rounded(cupy, y), BF16, IN_FLOAT32
    cublas, handle = _cublas(cupy)
    cublas.gemmStridedBatchedEx(
        handle, y_turned, x_turned, m, n, k, ONE.ctypes.data,
        y.data.ptr, kind, k if y_turned else m, k * m,
        x.data.ptr, kind, n if x_turned else k, n * k,
        ZERO.ctypes.data, out.data.ptr, FLOAT32, m, n * m, batch, how, DEFAULT,
    )  # fmt: skip
    return out


def _stored(cupy, a):
    """(an array without gaps, TURNED where its last two axes are those of `a` swapped)."""
    across = cupy.swapaxes(a, -1, -2)
    if across.flags.c_contiguous and not a.flags.c_contiguous:
        return across, TURNED
    return cupy.ascontiguousarray(a), PLAIN


def _rounded(cupy, a):
    out = cupy.empty(a.shape, dtype=np.uint16)
    _to_bf16((-(-a.size // 256),), (256,), a, a.size, out)
    return out


def _cublas(cupy):
    return cupy.cuda.cublas, cupy.cuda.device.get_cublas_handle()
