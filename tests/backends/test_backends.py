"""Choosing a backend, kernels with and without the compiler, and what the machine is asked."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from minattn import backends
from minattn.backends import compile as compiling
from minattn.backends import select
from minattn.errors import ArgumentError, BackendMissing


def python(code, **variables):
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | variables, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_using_returns_to_the_former_backend_even_after_an_error():
    before = backends.current()
    with pytest.raises(KeyError), backends.using("numba"):
        assert backends.current() == "numba"
        with backends.using("numpy"):
            assert backends.current() == "numpy"
        assert backends.current() == "numba"
        raise KeyError
    assert backends.current() == before


def test_unknown_backend_names_the_known_ones_and_changes_nothing():
    before = backends.current()
    with pytest.raises(ArgumentError, match="'numpy', 'numba', 'cupy'(.|\n)*torch"):
        backends.use("torch")
    with pytest.raises(ArgumentError), backends.using("torch"):
        pass
    assert backends.current() == before


def test_environment_variable_chooses():
    code = "from minattn import backends; print(backends.current(), backends.xp.__class__.__name__)"
    assert python(code, MINATTN_BACKEND="numpy").startswith("numpy")
    assert python(code, MINATTN_BACKEND="").startswith("numpy")
    wrong = (
        "from minattn import backends\ntry: backends.current()\nexcept ValueError as error: print(error.got)"
    )
    assert python(wrong, MINATTN_BACKEND="nunpy") == "'nunpy'"


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numba" else find(name))
    monkeypatch.setattr(select, "_modules", {})
    monkeypatch.setattr(select, "_loaders", {"numba": select._load_numba})
    with pytest.raises(BackendMissing, match=r"numba(.|\n)*pip install -e \"\.\[numba\]\""):
        backends.use("numba")
    found = backends.available()
    assert isinstance(found["numba"], BackendMissing)


def test_cupy_that_cannot_be_used_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # import cupy raises ImportError
    monkeypatch.delitem(select._modules, "cupy", raising=False)
    before = backends.current()
    with pytest.raises(BackendMissing, match=r"NVIDIA GPU(.|\n)*\.\[cupy\]"):
        backends.use("cupy")
    assert backends.current() == before


def test_importing_the_library_loads_neither_compiler_nor_gpu():
    code = "import sys, minattn.autodiff; print([m for m in ('numba', 'cupy', 'scipy') if m in sys.modules])"
    assert python(code) == "[]"


def test_xp_follows_the_backend(device):
    assert backends.on_device()
    ones = backends.xp.ones((2, 3))
    assert not isinstance(ones, np.ndarray) and backends.asnumpy(ones).sum() == 6
    with backends.using("numpy"):
        assert isinstance(backends.xp.ones(2), np.ndarray) and not backends.on_device()
    assert backends.asnumpy([1, 2]).tolist() == [1, 2]
    with pytest.raises(TypeError, match="get()"):
        np.asarray(ones)
    with pytest.raises(TypeError, match="Unsupported"):
        ones + np.ones((2, 3))
    with pytest.raises(TypeError, match="initial"):
        backends.xp.max(ones, initial=0.0)


def test_registering_again_replaces():
    backends.register("other", lambda: np)
    try:
        with backends.using("other"):
            assert not backends.on_device()
        backends.register("other", lambda: os)
        with backends.using("other"):
            assert backends.xp.sep == os.sep
    finally:
        select._loaders.pop("other")
        select._modules.pop("other")


@backends.jit
def twice(x):
    return 2 * x


@backends.jit
def twice_of_each(array, out):
    for i in backends.prange(len(array)):
        out[i] = twice(array[i])


@pytest.mark.parametrize("way", ["compiled", "without_compiler", "MINATTN_NO_JIT"])
def test_kernel_and_the_kernels_it_calls_run_either_way(way, monkeypatch):
    out = np.empty(3)
    if way == "MINATTN_NO_JIT":
        monkeypatch.setenv("MINATTN_NO_JIT", "1")
    if way == "without_compiler":
        with backends.without_compiler():
            twice_of_each(np.arange(3.0), out)
    else:
        twice_of_each(np.arange(3.0), out)
    assert out.tolist() == [0.0, 2.0, 4.0]
    assert twice_of_each.__name__ == "twice_of_each"


def test_kernel_without_numba_says_how_to_go_on(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("MINATTN_NO_JIT", raising=False)
    fresh = compiling.Kernel(twice.body)
    with pytest.raises(BackendMissing, match="without_compiler"):
        fresh(1)


def test_report_holds_plain_values():
    import json

    with backends.using("numpy"):
        found = backends.report()
    assert json.loads(json.dumps(found)) == found
    assert found["backend"] == "numpy" and found["backends"]["numpy"] == "ready"
    assert found["packages"]["numpy"] == np.__version__ and found["packages"]["minattn"]
