"""`linear` and `matmul` on the pool: the values and gradients of plain NumPy, for any number of threads."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, ops

pool = sys.modules["minattn.backends.threads"]
linalg = sys.modules["minattn.autodiff.ops.linalg"]


def both_ways(backend, shape, n_out, bias, strided=False):
    """Output and gradients of one call."""
    rng = np.random.default_rng(0)
    step = 2 if strided else 1
    arrays = [
        rng.normal(size=s).astype(np.float32) for s in ((*shape[:-1], shape[-1] * step), (n_out, shape[-1]))
    ]
    arrays[0] = arrays[0][..., ::step]
    arrays += [rng.normal(size=n_out).astype(np.float32)] if bias else []
    with backends.using(backend):
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        out = ops.linear(*leaves)
        out.backward(rng.normal(size=out.shape).astype(np.float32))
        return [out.data, *(leaf.grad for leaf in leaves)]


def agree(got, want):
    return all(
        g.shape == w.shape and np.abs(g - w).max() <= 1e-5 * max(1, np.abs(w).max())
        for g, w in zip(got, want)
    )


@given(
    lead=st.lists(st.integers(1, 11), max_size=2),
    sizes=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    bias=st.booleans(),
    strided=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_shapes(lead, sizes, bias, strided):
    shape, n_out = (*lead, sizes[0]), sizes[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linalg, "FEW", 0)
        patch.setattr(pool, "_wanted", 3)
        patch.setattr(pool, "_cores", lambda: 3)
        got = both_ways("numba", shape, n_out, bias, strided)
    assert agree(got, both_ways("numpy", shape, n_out, bias, strided))


@pytest.mark.parametrize("n", [1, 2])
def test_large_products_on_threads(n, monkeypatch):
    monkeypatch.setattr(pool, "_wanted", n)
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    assert agree(both_ways("numba", (7, 109, 101), 103, True), both_ways("numpy", (7, 109, 101), 103, True))


def test_bodies_as_plain_python_are_the_compiled_ones(monkeypatch):
    monkeypatch.setattr(linalg, "FEW", 0)
    compiled = both_ways("numba", (5, 3, 7), 11, True)
    with backends.without_compiler():
        assert agree(both_ways("numba", (5, 3, 7), 11, True), compiled)


@pytest.mark.parametrize("asked", ["x", "weight", "bias"])
def test_each_gradient_alone_is_the_one_beside_the_others(asked, monkeypatch):
    monkeypatch.setattr(linalg, "FEW", 0)
    names, rng = ("x", "weight", "bias"), np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype("f4") for s in ((5, 3, 7), (11, 7), (11,))]
    alone, together = [], []
    with backends.using("numba"):
        for grads, wanted in ((alone, {asked}), (together, set(names))):
            leaves = [Tensor(a, requires_grad=name in wanted) for name, a in zip(names, arrays)]
            ops.linear(*leaves).sum().backward()
            grads += [leaf.grad for leaf, name in zip(leaves, names) if name == asked]
    assert (alone[0] == together[0]).all()


def product(backend, x, y, strided):
    """The value and gradients of x @ y."""
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in (x, y))
    if strided:
        y = np.ascontiguousarray(y.swapaxes(-1, -2)).swapaxes(-1, -2)
    with backends.using(backend):
        leaves = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
        out = ops.matmul(*leaves)
        out.backward(rng.normal(size=out.shape).astype(np.float32))
        return [out.data, *(leaf.grad for leaf in leaves)]


@given(
    lead=st.lists(st.integers(1, 5), max_size=2),
    sizes=st.tuples(*[st.integers(1, 13)] * 3),
    shared=st.booleans(),
    strided=st.booleans(),
    n=st.integers(1, 3),
)
@settings(max_examples=25, deadline=None)
def test_products_of_any_shape(lead, sizes, shared, strided, n):
    rows, inner, columns = sizes
    x, y = (*lead, rows, inner), (*(() if shared else lead), inner, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linalg, "FEW", 0)
        patch.setattr(pool, "_wanted", n)
        patch.setattr(pool, "_cores", lambda: 3)
        got = product("numba", x, y, strided)
    assert agree(got, product("numpy", x, y, strided))


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("y", [(7, 103, 101), (103, 101)])
def test_large_products_of_two_tensors_on_threads(y, n, monkeypatch):
    monkeypatch.setattr(pool, "_wanted", n)
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    assert agree(product("numba", (7, 107, 103), y, False), product("numpy", (7, 107, 103), y, False))
    assert backends.kernel_log["matmul", "numba", "vjp"] > 0
