"""The backend "cupy" without a card."""

import pytest
from cuda_on_cpu import on_cpu


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Compute with the backend "cupy" and its kernels on the processor during one test."""
    with on_cpu(monkeypatch) as namespace:
        yield namespace
