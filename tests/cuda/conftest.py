"""The backend "cupy" without a card."""

import pytest
from cuda_on_cpu import Kernel, on_cpu
from recording_stand_in import record_calls, record_kernels


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Compute with the backend "cupy" and its kernels on the processor during one test."""
    with on_cpu(monkeypatch) as namespace:
        yield namespace


@pytest.fixture
def recorder(monkeypatch):
    """The same, with steps that can be captured; gives what stands for `cupy.cuda`."""
    cupy, recorder = record_calls(monkeypatch)
    record_kernels(monkeypatch, recorder, Kernel)
    with on_cpu(monkeypatch, cupy):
        yield recorder
