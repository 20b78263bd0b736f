"""For all tests: a pretended GPU, signals that arrive, and one thread for each of several workers."""

import os
import signal

import device_stand_in
import pytest

from minattn import backends
from minattn.backends import select


def pytest_configure():
    """Let Ctrl-C reach tests and their children, also where a shell started pytest in the background.

    Workers side by side keep every core busy without threads of their own.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("MINATTN_THREADS", "1")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def device():
    """Compute on the stand-in for a GPU, as backend "device", during one test."""
    backends.register("device", lambda: device_stand_in.namespace)
    try:
        with backends.using("device"):
            yield device_stand_in
    finally:
        select._loaders.pop("device")
        select._modules.pop("device", None)
