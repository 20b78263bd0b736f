"""The CUDA texts are loaded with the backend "cupy", and a launch hands over what C expects."""

import subprocess
import sys

import numpy as np

from minattn.backends import cuda

LOADED = "print('minattn.autodiff.ops.cuda' in sys.modules, 'cupy' in sys.modules)"


def python(code):
    """What a fresh interpreter prints."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_users_of_numpy_load_no_text():
    code = f"import sys, minattn.nn, minattn.attention; minattn.use('numpy'); {LOADED}"
    assert python(code) == ["False", "False"]


def test_choosing_cupy_registers_the_kernels():
    code = (
        "import sys, numpy, minattn; from minattn import backends, autodiff, nn;"
        "backends.register('cupy', lambda: numpy); minattn.use('cupy');"
        f"print(*sorted(n for n, p in autodiff.PRIMITIVES.items() if 'cupy' in p.vjp_kernels)); {LOADED}"
    )
    names = (
        "attention cross_entropy dropout embedding gelu gru layer_norm lstm rms_norm rnn rotary silu softmax "
        "swiglu"
    )
    assert python(code) == [*names.split(), "True", "False"]


def test_numbers_become_those_of_c(monkeypatch):
    calls = []
    monkeypatch.setattr(cuda, "compiled", lambda *which: lambda *given: calls.append((which, given)))
    array = np.zeros(3)
    cuda.raw_kernel("text", "name", WIDTH=64, B=1)((2, 3), (32,), array, 7, 0.1)
    [(which, (grid, block, args))] = calls
    assert which == ("text", ("-DB=1", "-DWIDTH=64"), "name")
    assert (grid, block) == ((2, 3), (32,))
    assert args[0] is array and args[1:] == (7, np.float32(0.1))
    assert [type(a) for a in args[1:]] == [np.int32, np.float32]
