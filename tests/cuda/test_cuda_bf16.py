"""The kernel that rounds to bf16, built as C++: to the nearest number, a tie to the even one."""

import cuda_on_cpu
import numpy as np
import pytest

from minattn.backends import gemm

pytestmark = pytest.mark.cuda


def rounded(numbers):
    x = np.asarray(numbers, np.float32)
    out = np.empty(x.shape, np.uint16)
    kernel = cuda_on_cpu.compiled(gemm.SOURCE, (), "to_bf16")
    kernel((-(-x.size // 256),), (256,), (x, np.int32(x.size), out))
    return (out.astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize(
    "number, near",
    [
        (1.0, 1.0),
        (-0.0, -0.0),
        (1 + 2**-8, 1.0),  # half way between 1 and 1 + 2^-7: the even one
        (1 + 3 * 2**-8, 1 + 2**-6),
        (1 + 2**-8 + 2**-20, 1 + 2**-7),
        (-(1 + 3 * 2**-9), -(1 + 2**-7)),
        (3.4e38, np.inf),  # the next bf16 above the largest
        (2.0**-133, 2.0**-133),  # the least bf16 above 0
        (np.inf, np.inf),
        (-np.inf, -np.inf),
    ],
)
def test_known_numbers(number, near):
    [got] = rounded([number])
    assert got == near and np.signbit(got) == np.signbit(near)


def test_nan_stays_nan():
    noisy = np.array([0x7F800001, 0xFFFFFFFF, 0x7FC00000], np.uint32).view(np.float32)
    assert np.isnan(rounded(noisy)).all()


def test_every_number_goes_to_a_nearest_one():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=1031) * 10.0 ** rng.integers(-30, 30, 1031)).astype(np.float32)
    got, step = rounded(x), 2.0 ** (np.floor(np.log2(np.abs(x))) - 7)
    assert np.all(np.abs(got - x) <= step / 2) and np.any(np.abs(got - x) > step / 3)
