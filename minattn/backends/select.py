"""Choose whose arrays the library computes with.

A backend is a name and an array namespace. `numpy` and `numba` share NumPy's arrays (numba only
replaces the inside of some primitives); `cupy` keeps arrays on the GPU. Packages are imported when
a backend is first chosen, never before.
"""

import importlib
import importlib.util
import os
from contextlib import contextmanager

import numpy as np

from ..errors import ArgumentError, BackendMissing
from .memory import keep_freed_memory
from .threads import own_cores


def _load_numpy():
    return np


def _load_numba():
    missing = [name for name in ("numba", "scipy") if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendMissing(
            'use("numba")',
            expected="the packages numba and scipy (its BLAS multiplies matrices inside the kernels)",
            got=f"no module named {' and '.join(missing)}",
            hint='pip install -e ".[numba]"',
        )
    return np


def _load_cupy():
    from .device import Namespace

    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CuPy raises its own kinds where there is no driver
        raise BackendMissing(
            'use("cupy")',
            expected="the package cupy and an NVIDIA GPU with its driver",
            got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            hint='pip install -e ".[cupy]" on a machine with a GPU, or use("numba")',
        ) from error
    return Namespace(cupy)


_loaders = {"numpy": _load_numpy, "numba": _load_numba, "cupy": _load_cupy}
_modules = {}
_when_loaded = {}
_name = None


def _module(name):
    if name not in _loaders:
        raise ArgumentError(
            f"use({name!r})",
            expected="one of " + ", ".join(map(repr, _loaders)),
            got=repr(name),
            hint='minattn.use("numpy"), or the variable MINATTN_BACKEND',
        )
    if name not in _modules:
        _modules[name] = _loaders[name]()
        for function in _when_loaded.get(name, ()):
            function()
    return _modules[name]


def when_loaded(name):
    """Mark a function that runs each time backend `name` is loaded: what only it needs waits there."""
    return lambda function: _when_loaded.setdefault(name, []).append(function)


def use(name):
    """Compute with backend `name` ("numpy", "numba" or "cupy") from now on.

    Raises ArgumentError for an unknown name, BackendMissing where its package or device is absent;
    the former choice then stays. While "numba" is in use, its kernels own the cores: see `threads`.
    From the first choice on, the process keeps memory that arrays gave back: see `memory`.
    """
    global _name
    _module(name)
    keep_freed_memory()
    own_cores(name == "numba")
    _name = name
    vars(xp).clear()


@contextmanager
def using(name):
    """Compute with backend `name` inside a `with` block, then return to the former one."""
    former = current()
    use(name)
    try:
        yield
    finally:
        use(former)


def current():
    """The name of the backend in use (at first the variable MINATTN_BACKEND, else "numpy")."""
    if _name is None:
        use(os.environ.get("MINATTN_BACKEND") or "numpy")
    return _name


def register(name, loader):
    """Add a backend, or replace it: `loader()` returns its array namespace or raises BackendMissing."""
    _loaders[name] = loader
    _modules.pop(name, None)
    vars(xp).clear()


def available():
    """Every backend's name with None where it works, or the error that says why it does not."""
    found = {}
    for name in _loaders:
        try:
            _module(name)
            found[name] = None
        except BackendMissing as error:
            found[name] = error
    return found


class _Namespace:
    """Stands for the array module of the backend in use: `xp.exp` is `numpy.exp` or `cupy.exp`.

    A name that was looked up is kept in the instance until another backend is chosen.
    """

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        found = getattr(_module(current()), attribute)
        setattr(self, attribute, found)
        return found


xp = _Namespace()


def on_device():
    """True where the backend's arrays do not live in host memory."""
    return _module(current()) is not np


def asnumpy(array):
    """`array` (of any backend, or a sequence) as a NumPy array on the host."""
    return array.get() if hasattr(array, "get") and hasattr(array, "dtype") else np.asarray(array)
