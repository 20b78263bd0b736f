"""How exactly a GPU multiplies: what may be chosen where, and what cuBLAS is asked for."""

import ctypes
from contextlib import contextmanager
from types import SimpleNamespace

import device_stand_in
import numpy as np
import pytest

from minattn import backends
from minattn.backends import gemm, precision, select
from minattn.backends.device import Namespace
from minattn.errors import ArgumentError, ShapeError


def cut(array, bits):
    """float32 numbers without the last `bits` of their fraction, rounded to nearest, ties to even."""
    whole = array.view(np.uint32).astype(np.uint64)
    half, last = np.uint64(1 << (bits - 1)), np.uint64(bits)
    whole = (whole + half - np.uint64(1) + (whole >> last & np.uint64(1))) >> last << last
    return whole.astype(np.uint32).view(np.float32)


class CuBLAS:
    """The one call that we make: column by column, factors rounded, sums in float64."""

    def __init__(self):
        self.calls = []

    def gemmStridedBatchedEx(self, handle, turn_a, turn_b, m, n, k, alpha, *rest):  # noqa: N802
        a, a_type, lda, step_a, b, b_type, ldb, step_b, beta, c, c_type, ldc, step_c, batch, how, algo = rest
        assert (c_type, algo) == (gemm.FLOAT32, -1)
        assert [ctypes.c_float.from_address(p).value for p in (alpha, beta)] == [1, 0]
        self.calls.append((turn_a, turn_b, a_type, how))
        left = self.read(a, a_type, (k, m) if turn_a else (m, k), lda, step_a, batch)
        right = self.read(b, b_type, (n, k) if turn_b else (k, n), ldb, step_b, batch)
        left, right = left.swapaxes(1, 2) if turn_a else left, right.swapaxes(1, 2) if turn_b else right
        if how == gemm.IN_TF32:
            left, right = cut(np.ascontiguousarray(left), 13), cut(np.ascontiguousarray(right), 13)
        self.at(c, (m, n), ldc, step_c, batch, np.float32)[:] = left.astype(float) @ right.astype(float)

    def read(self, pointer, kind, shape, ld, step, batch):
        if kind == gemm.FLOAT32:
            return self.at(pointer, shape, ld, step, batch, np.float32)
        upper = self.at(pointer, shape, ld, step, batch, np.uint16)
        return (upper.astype(np.uint32) << 16).view(np.float32)

    @staticmethod
    def at(pointer, shape, ld, step, batch, dtype):
        assert ld >= shape[0] and step >= shape[0] * shape[1]
        size = np.dtype(dtype).itemsize
        count = (batch - 1) * step + (shape[1] - 1) * ld + shape[0]
        flat = np.frombuffer((ctypes.c_char * (count * size)).from_address(pointer), dtype)
        strides = (step * size, size, ld * size)
        return np.lib.stride_tricks.as_strided(flat, (batch, *shape), strides, writeable=True)


def to_bf16(grid, block, x, n, out):
    """The kernel of this name; its CUDA text has its own test in tests/cuda."""
    assert grid[0] * block[0] >= n == x.size
    out.inside[...] = cut(x.inside, 16).view(np.uint32) >> 16


@contextmanager
def card(patch, capability="90"):
    """Compute with the backend "cupy": the stand-in, with a cuBLAS; gives that cuBLAS."""
    cublas, device = CuBLAS(), SimpleNamespace(compute_capability=capability)
    cuda = SimpleNamespace(Device=lambda: device, cublas=cublas)
    cuda.device = SimpleNamespace(get_cublas_handle=lambda: 7)
    members = {"cuda": cuda, "uint16": np.uint16}
    cupy = device_stand_in._Namespace(**vars(device_stand_in.namespace), **members)
    patch.setitem(select._loaders, "cupy", lambda: Namespace(cupy))
    patch.setitem(select._when_loaded, "cupy", [])
    patch.delitem(select._modules, "cupy", raising=False)
    patch.setattr(gemm, "_to_bf16", to_bf16)
    patch.setattr(precision, "_chosen", "float32")
    try:
        with backends.using("cupy"):
            yield cublas
    finally:
        select._modules.pop("cupy", None)


@pytest.fixture
def cublas(monkeypatch):
    with card(monkeypatch) as found:
        yield found


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


CASES = {
    "plain": (normal(5, 7), normal(7, 3)),
    "left turned": (normal(7, 5).T, normal(7, 3)),
    "right turned": (normal(5, 7), normal(3, 7).T),
    "both turned": (normal(7, 5).T, normal(3, 7).T),
    "gaps": (normal(5, 14)[:, ::2], normal(14, 3)[::2]),
    "rows of many": (normal(2, 11, 5, 7), normal(7, 3)),
    "batch": (normal(2, 11, 5, 7), normal(2, 11, 7, 3)),
    "batch, turned": (normal(2, 11, 5, 7), normal(2, 11, 3, 7).swapaxes(2, 3)),
    "heads split": (normal(2, 5, 11, 7).swapaxes(1, 2), normal(2, 3, 11, 7).transpose(0, 2, 3, 1)),
    "broadcast": (normal(2, 1, 5, 7), normal(11, 7, 3)),
    "one row": (normal(1, 7), normal(7, 1)),
    "nothing to add": (normal(5, 0), normal(0, 3)),
    "no row": (normal(0, 7), normal(7, 3)),
}


@pytest.mark.parametrize("name, bits, kind", [("tf32", 13, gemm.FLOAT32), ("bf16", 16, gemm.BF16)])
@pytest.mark.parametrize("case", CASES)
def test_factors_are_rounded_and_nothing_else(case, name, bits, kind, cublas):
    x, y = CASES[case]
    device = device_stand_in.DeviceArray
    with backends.multiplying(name):
        got = backends.xp.matmul(device(x), device(y))
    want = cut(np.ascontiguousarray(x), bits).astype(float) @ cut(np.ascontiguousarray(y), bits).astype(float)
    assert got.dtype == np.float32 and got.shape == want.shape
    assert np.allclose(got.get(), want, rtol=1e-6, atol=1e-6)
    how = gemm.IN_TF32 if name == "tf32" else gemm.IN_FLOAT32
    assert [call[2:] for call in cublas.calls] == [(kind, how)] * (want.size > 0 and x.shape[-1] > 0)


def test_a_transposed_view_is_not_copied(cublas):
    x, y = (device_stand_in.DeviceArray(a) for a in CASES["both turned"])
    with backends.multiplying("tf32"):
        backends.xp.matmul(x, y)
    assert cublas.calls == [(gemm.TURNED, gemm.TURNED, gemm.FLOAT32, gemm.IN_TF32)]


@pytest.mark.parametrize("dtype, shapes", [("float64", ((5, 7), (7, 3))), ("float32", ((5, 7), (7,)))])
def test_other_types_and_vectors_stay_exact(dtype, shapes, cublas):
    x, y = (normal(*shape).astype(dtype) for shape in shapes)
    with backends.multiplying("bf16"):
        got = backends.xp.matmul(device_stand_in.DeviceArray(x), device_stand_in.DeviceArray(y))
    assert np.array_equal(got.get(), x @ y) and cublas.calls == []


def test_float32_is_the_default_and_comes_back(cublas):
    x, y = CASES["plain"]
    with pytest.raises(KeyError), backends.multiplying("tf32"):
        assert backends.matmul_precision() == "tf32"
        raise KeyError
    assert backends.matmul_precision() == "float32"
    got = backends.xp.matmul(device_stand_in.DeviceArray(x), device_stand_in.DeviceArray(y))
    assert np.array_equal(got.get(), x @ y) and cublas.calls == []
    assert backends.matmul_precision("bf16") == backends.matmul_precision() == "bf16"


def test_shapes_that_do_not_fit(cublas):
    x, y = map(device_stand_in.DeviceArray, (normal(5, 7), normal(5, 3)))
    with backends.multiplying("tf32"), pytest.raises(ShapeError, match=r"\(5, 7\)"):
        backends.xp.matmul(x, y)


def test_only_a_gpu_multiplies_numbers_of_fewer_digits():
    with backends.using("numpy"):
        assert backends.matmul_precision("float32") == "float32"
        for name in ("tf32", "bf16"):
            with pytest.raises(ArgumentError, match=r'the backend "numpy"(.|\n)*use\("cupy"\)'):
                backends.matmul_precision(name)
    with pytest.raises(ArgumentError, match="'tf32', 'bf16'(.|\n)*float16"):
        backends.matmul_precision("float16")
    assert backends.matmul_precision() == "float32"


def test_an_old_card_is_named(monkeypatch):
    with card(monkeypatch, "75"), pytest.raises(ArgumentError, match=r"8\.0(.|\n)*7\.5"):
        backends.matmul_precision("tf32")
