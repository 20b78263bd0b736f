"""CUDA C text built as C++ and run on NumPy arrays: takes the place of `minattn.backends.cuda.compiled`.

Every array is handed over between two stretches of nan (or of the largest integer), which must come back
untouched; every argument's type is compared with the kernel's declaration; and every kernel runs twice, its
threads in one turn and in the opposite one.
"""

import ctypes
import functools
import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import device_stand_in
import numpy as np

from minattn import backends
from minattn.backends import cuda, select
from minattn.backends.device import Namespace

HERE = Path(__file__).parent
GUARD = 512
C_TYPES = {
    "float*": "float32", "bool*": "bool", "long long*": "int64", "unsigned short*": "uint16",
    "float": np.float32, "int": np.int32,
}  # fmt: skip


class Kernel:
    """One kernel of a built text, launched as CuPy launches it: kernel(grid, block, args)."""

    def __init__(self, run, name, declared):
        self.run, self.name, self.declared = run, name, declared

    def __call__(self, grid, block, args):
        """`args` are device arrays of the stand-in, NumPy arrays or NumPy numbers; arrays change in place."""
        args = [getattr(a, "inside", a) for a in args]
        self._check(args)
        first, second = (self._launch(grid, block, args, backwards) for backwards in (False, True))
        for given, array, other, (kind, argument) in zip(args, first, second, self.declared):
            if kind.endswith("*") and kind.startswith("const"):
                same = np.array_equal(given, array, equal_nan=given.dtype.kind == "f")
                assert same, f"{self.name} writes to {argument}"
            elif array is not None:
                close = np.allclose(array, other, rtol=1e-4, atol=1e-5, equal_nan=True)
                assert close, f"{self.name}: {argument} depends on the turn of the threads"
                given[...] = array

    def _check(self, args):
        assert len(args) == len(self.declared), f"{self.name} takes {len(self.declared)} arguments"
        for value, (kind, argument) in zip(args, self.declared):
            want = C_TYPES[kind.removeprefix("const ")]
            if kind.endswith("*"):
                assert isinstance(value, np.ndarray) and value.dtype == want, f"{self.name}: {argument}"
                assert value.flags.c_contiguous, f"{self.name}: {argument} has gaps"
            else:
                assert type(value) is want, f"{self.name}: {argument} is {type(value).__name__}"

    def _launch(self, grid, block, args, backwards):
        guarded = [_guard(a) if isinstance(a, np.ndarray) else None for a in args]
        starts = [
            ctypes.c_void_p(_inside(room).ctypes.data) if room is not None else ctypes.byref(_number(a))
            for room, a in zip(guarded, args)
        ]
        places = [
            ctypes.cast(ctypes.byref(s), ctypes.c_void_p) if isinstance(s, ctypes.c_void_p)
            else ctypes.cast(s, ctypes.c_void_p) for s in starts
        ]  # fmt: skip
        shape = (ctypes.c_uint * 6)(*(*grid, 1, 1)[:3], *(*block, 1, 1)[:3])
        code = self.run(shape, backwards, (ctypes.c_void_p * len(args))(*places))
        assert code == 0, f"{self.name}: threads wait for ever at a barrier"
        for room, (_, argument) in zip(guarded, self.declared):
            edges = [] if room is None else [*room[:GUARD], *room[-GUARD:]]
            assert all(e != e or e == _poison(room) for e in edges), f"{self.name} writes beside {argument}"
        return [None if room is None else _inside(room).reshape(a.shape) for room, a in zip(guarded, args)]


def _poison(array):
    kinds = {"f": np.nan, "b": True}
    return kinds.get(array.dtype.kind) or np.iinfo(array.dtype).max


def _guard(array):
    room = np.empty(array.size + 2 * GUARD, array.dtype)
    room[:] = _poison(array)
    _inside(room)[:] = array.reshape(-1)
    return room


def _inside(room):
    return room[GUARD:-GUARD]


def _number(value):
    return (ctypes.c_float if isinstance(value, np.float32) else ctypes.c_int)(value)


def declarations(source):
    """{kernel: [(type, name) of each argument]} of a CUDA C text."""
    given = re.search(r"#define GIVEN ((?:.*\\\n)*.*)", source)
    found = {}
    for name, inside in re.findall(r"__global__ void (\w+)\(([^)]*)\)", source):
        inside = inside.replace("GIVEN", given[1].replace("\\\n", "") if given else "")
        parts = [re.fullmatch(r"(.*?\*?) ?(\w+)", " ".join(p.split())) for p in inside.split(",")]
        found[name] = [(part[1], part[2]) for part in parts]
    return found


def compiled(source, options, name):
    """The kernel of this name in a CUDA C text."""
    library, kernels = build(source, options)
    return Kernel(getattr(library, f"run_{name}"), name, kernels[name])


@functools.cache
def build(source, options):
    """(library, declarations of its kernels) of a CUDA C text, built by g++."""
    kernels = declarations(source)
    runs = "".join(
        f'extern "C" int run_{name}(const unsigned* shape, bool backwards, void** args)'
        f"{{ return launch({name}, shape, backwards, args); }}\n"
        for name in kernels
    )
    command = ["g++", "-std=c++17", "-O1", "-w", "-shared", "-fPIC", f"-I{HERE}", *options]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "kernels.cpp").write_text(f'#include "cuda_on_cpu.h"\n{source}\n{runs}')
        command += ["kernels.cpp", "-o", "kernels.so"]
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return ctypes.CDLL(f"{folder}/kernels.so"), kernels


@contextmanager
def on_cpu(patch, cupy=device_stand_in.namespace):
    """Compute with the backend "cupy": the arrays of the stand-in, kernels built as C++."""
    patch.setattr(cuda, "compiled", compiled)
    patch.setitem(select._loaders, "cupy", lambda: Namespace(cupy))
    select._modules.pop("cupy", None)
    backends.kernel_log.clear()
    try:
        with backends.using("cupy"):
            yield cupy
    finally:
        select._modules.pop("cupy", None)
