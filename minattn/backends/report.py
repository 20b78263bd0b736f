"""What this machine offers and which kernels ran: the facts behind `minattn doctor`."""

import importlib.metadata
import os
import platform
import sys

from . import dispatch, select
from .threads import threads
from .waiting import choose_waiting


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _blas():
    """(library and version, threads) of each BLAS in the process; needs threadpoolctl."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        import numpy as np

        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return [{"name": built.get("name"), "version": built.get("version"), "threads": None}]
    return [
        {"name": pool["internal_api"], "version": pool.get("version"), "threads": pool["num_threads"]}
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]


def _layer():
    """The name of Numba's pool of threads, None while none has started."""
    try:
        return sys.modules["numba"].threading_layer() if "numba" in sys.modules else None
    except ValueError:
        return None


def report():
    """A dict of plain values: python, platform, cores, threads, packages, backends, blas, gpu, kernels.

    kernels   see `dispatch.table`: which ran, how often, and the reasons of those that did not
    """
    found = select.available()
    gpu = None
    if found.get("cupy", True) is None:
        import cupy

        gpu = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    packages = ("minattn", "numpy", "numba", "scipy", "cupy", "matplotlib", "jupyterlab", "safetensors")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": {
            "kernels": threads(),
            "layer": _layer(),
            "waiting": choose_waiting() if _layer() else None,
        },
        "packages": {name: _version(name) for name in packages},
        "backend": select.current(),
        "backends": {name: "ready" if error is None else error.hint for name, error in found.items()},
        "blas": _blas(),
        "gpu": gpu,
        "kernels": dispatch.table(),
    }
