"""Kernels on the pool of threads: any number of threads gives the numbers of plain NumPy."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, ops

pool = sys.modules["minattn.backends.threads"]
compiling = sys.modules["minattn.backends.compile"]


def gain(x):
    return np.linspace(0.5, 2, x.shape[-1], dtype=np.float32)


CALLS = {
    "gelu": lambda x: ops.gelu(x),
    "silu": lambda x: ops.silu(x),
    "swiglu": lambda x: ops.swiglu(x, 3 - x * 0.5),
    "rms_norm": lambda x: ops.rms_norm(x, Tensor(gain(x), requires_grad=True)),
    "layer_norm": lambda x: ops.layer_norm(x, Tensor(gain(x), requires_grad=True), gain(x)),
    "softmax": lambda x: ops.softmax(x, np.arange(x.shape[-1]) % 7 != 3),
    "cross_entropy": lambda x: ops.cross_entropy(x, np.zeros(x.shape[:-1], int), smoothing=0.1),
    "attention": lambda x: (
        ops.attention(*(x.reshape(1, -1, *x.shape[-2:]) * 0.2,) * 3) if x.ndim > 1 else x * 2
    ),
}


def computed(name, shape, backend="numba"):
    """Output and gradient of one call."""
    rng = np.random.default_rng(0)
    with backends.using(backend):
        x = Tensor((rng.normal(size=shape) * 5).astype(np.float32), requires_grad=True)
        out = CALLS[name](x)
        out.backward(rng.normal(size=out.shape).astype(np.float32))
        return out.data, x.grad


@pytest.mark.parametrize("name", CALLS)
def test_number_of_threads_does_not_show(name, monkeypatch):
    monkeypatch.setattr(compiling, "SMALL", 0)
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    monkeypatch.setattr(pool, "_wanted", 1)
    alone = computed(name, (3, 67, 43))
    monkeypatch.setattr(pool, "_wanted", 2)
    together, again = computed(name, (3, 67, 43)), computed(name, (3, 67, 43))
    for a, b, c in zip(alone, together, again):
        assert np.abs(a - b).max() <= 1e-6 * np.abs(a).max()  # two compiled forms round in their own ways
        assert (b == c).all()


@pytest.mark.parametrize("name", CALLS)
@given(shape=st.lists(st.integers(1, 71), min_size=1, max_size=3))
@settings(max_examples=12, deadline=None)
def test_any_shape_agrees_with_numpy(name, shape):
    got, want = computed(name, shape), computed(name, shape, "numpy")
    for g, w in zip(got, want):
        assert g.shape == w.shape and np.abs(g - w).max() <= 2e-5 * max(1, np.abs(w).max())


@pytest.mark.parametrize("function", [ops.gelu, ops.silu, lambda x: ops.swiglu(x, np.ones_like(x.data))])
def test_far_from_zero_is_a_straight_line(function):
    x = np.array([-1e4, -200.0, -1e-40, 0.0, 1e-40, 200.0, 1e4], dtype=np.float32)
    with backends.using("numba"):
        tensor = Tensor(x, requires_grad=True)
        out = function(tensor)
        out.backward(np.ones_like(x))
    assert np.allclose(out.data, np.maximum(x, 0), atol=1e-30)
    assert np.allclose(tensor.grad, [0, 0, 0.5, 0.5, 0.5, 1, 1])
