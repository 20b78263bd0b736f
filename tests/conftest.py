"""Fixtures for all tests: a pretended GPU, and NumPy again after every test."""

import device_stand_in
import pytest

from minattn import backends
from minattn.backends import select


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
