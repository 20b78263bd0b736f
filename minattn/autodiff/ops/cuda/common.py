"""What the CUDA kernels share: one warp reduction, and the rule "one warp, one row".

A warp is 32 threads that run in step. A warp owns a row: its lane l takes the elements l, l + 32, ...; then
five exchanges (`__shfl_xor_sync` with distance 16, 8, 4, 2, 1) leave the sum of all lanes in every lane.
A block is WARPS warps: threadIdx.x is the lane, threadIdx.y the warp.
"""

import numpy as np

from ....backends import xp

WARPS = 4
FEW = 2**31  # elements that an `int` can count
HELPERS = r"""
#define WARPS 4
#define INFINITE __int_as_float(0x7f800000)

__device__ inline float warp_sum(float x)
{
    for (int far = 16; far > 0; far /= 2) x += __shfl_xor_sync(0xffffffffu, x, far);
    return x;
}

__device__ inline float warp_max(float x)
{
    for (int far = 16; far > 0; far /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, far));
    return x;
}

__device__ inline int my_row() { return blockIdx.x * WARPS + threadIdx.y; }
__device__ inline int my_element() { return blockIdx.x * blockDim.x + threadIdx.x; }
"""


def covered(*arrays):
    """True where all arrays are float32, none is empty, and an `int` can count their elements."""
    return all(a.dtype == np.float32 and 0 < a.size < FEW for a in arrays)


def dense(array):
    """`array` in C order: a kernel sees a pointer and knows no strides."""
    return xp.ascontiguousarray(array)


def a_warp_a_row(n):
    """(grid, block) for n rows."""
    return (-(-n // WARPS),), (32, WARPS)


def a_thread_an_element(n):
    """(grid, block) for n elements."""
    return (-(-n // 256),), (256,)
