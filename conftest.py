"""Settings of every test run: few BLAS threads in parallel workers, a numba backend even without Numba."""

import importlib.util
import os

import pytest

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # before NumPy is loaded: workers that each start all threads only wait
    each = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(each))
    os.environ.setdefault("OMP_NUM_THREADS", str(each))

collect_ignore_glob = [
    "*/conftest.py",  # settings, not modules with doctests: they share one name
    "minattn/bench/peers/*",  # each needs a package that need not be installed
]

WITHOUT_NUMBA = importlib.util.find_spec("numba") is None
if WITHOUT_NUMBA:  # kernels are ordinary Python until they are compiled: test them as such
    os.environ["MINATTN_NO_JIT"] = "1"


def pytest_configure(config):
    if WITHOUT_NUMBA:
        import numpy

        from minattn import backends

        backends.register("numba", lambda: numpy)


def pytest_report_header(config):
    return "numba: " + ("missing, kernels run as plain Python" if WITHOUT_NUMBA else "compiles the kernels")


@pytest.fixture(autouse=True)
def numpy_in_doctests(doctest_namespace):
    """A doctest may write `np` without importing it first."""
    import numpy

    doctest_namespace["np"] = numpy
