"""The emulation itself: it must see what would go wrong on a GPU."""

import cuda_on_cpu
import numpy as np
import pytest

pytestmark = pytest.mark.cuda
SOURCE = r"""
extern "C" __global__ void shift(const float* x, float* out, int wait)
{
    __shared__ float all[96];
    int i = threadIdx.x;
    all[i] = x[blockIdx.x * 96 + i];
    if (wait) __syncthreads();
    out[blockIdx.x * 96 + i] = all[(i + 1) % 96];
}
extern "C" __global__ void hang(float* x) { if (threadIdx.x < 5) __syncthreads(); x[threadIdx.x] = 1; }
extern "C" __global__ void beside(float* x, int past) { x[past] = 1; }
extern "C" __global__ void inside(float* x, int past) { x[0] = x[past]; }
extern "C" __global__ void change(const float* x) { ((float*)x)[0] += 1; }
extern "C" __global__ void sum(const float* x, float* out)
{
    float all = x[threadIdx.x];
    for (int far = 16; far > 0; far /= 2) all += __shfl_xor_sync(0xffffffffu, all, far);
    out[threadIdx.x] = all;
    if (__syncthreads_or(threadIdx.x == 40)) atomicAdd(&out[64], 1.0f);
    if (__syncthreads_or(false)) out[64] = -1;
}
"""


def kernel(name):
    return cuda_on_cpu.compiled(SOURCE, (), name)


def test_threads_meet_at_a_barrier():
    x, out = np.arange(192, dtype=np.float32), np.empty(192, np.float32)
    kernel("shift")((2,), (96,), (x, out, np.int32(1)))
    assert np.array_equal(out.reshape(2, 96), np.roll(x.reshape(2, 96), -1, axis=1))


def test_a_missing_barrier_is_seen():
    x, out = np.arange(192, dtype=np.float32), np.empty(192, np.float32)
    with pytest.raises(AssertionError, match="turn of the threads"):
        kernel("shift")((2,), (96,), (x, out, np.int32(0)))


def test_a_barrier_that_some_pass_by_is_seen():
    with pytest.raises(AssertionError, match="for ever"):
        kernel("hang")((1,), (32,), (np.zeros(32, np.float32),))


@pytest.mark.parametrize("place", [-1, 7])
def test_writing_and_reading_beside_an_array_is_seen(place):
    x = np.zeros(7, np.float32)
    with pytest.raises(AssertionError, match="beside x"):
        kernel("beside")((1,), (1,), (x, np.int32(place)))
    kernel("inside")((1,), (1,), (x, np.int32(place)))
    assert np.isnan(x[0])


def test_writing_to_a_constant_is_seen():
    with pytest.raises(AssertionError, match="writes to x"):
        kernel("change")((1,), (1,), (np.zeros(3, np.float32),))


@pytest.mark.parametrize(
    "args, fault",
    [
        ((np.zeros(3), np.int32(0)), "x"),
        ((np.zeros(6, np.float32)[::2], np.int32(0)), "gaps"),
        ((np.zeros(3, np.float32), 0), "past is int"),
        ((np.zeros(3, np.float32),), "takes 2"),
    ],
)
def test_a_wrong_argument_is_seen(args, fault):
    with pytest.raises(AssertionError, match=fault):
        kernel("beside")((1,), (1,), args)


def test_shuffles_votes_and_atomic_sums():
    x, out = np.arange(64, dtype=np.float32), np.zeros(65, np.float32)
    kernel("sum")((1,), (64,), (x, out))
    assert np.array_equal(out, [*[496] * 32, *[1520] * 32, 64])
