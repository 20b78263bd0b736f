"""Picking elements and adding to places."""

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import Tensor, gradcheck, ops, precision
from minattn.errors import ArgumentError, DTypeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5, 2))


@pytest.mark.parametrize(
    "index",
    [
        0, -1, slice(1, None), (slice(None), -1), (Ellipsis, 1), (None, slice(None, None, 2)),
        [0, 2, 0], np.array([[0, 1], [2, 2]]), (np.array([0, 2]), slice(None), np.array([1, 1])),
        (slice(None), np.array([3, 3, 0])), X > 0, X[:, 0, 0] > 0, (Ellipsis, np.array([True, False])),
        np.int64(1), (np.int64(2), slice(None)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_getitem_is_numpys_and_its_gradient_right(index, backend):
    with backends.using(backend):
        np.testing.assert_array_equal(ops.getitem(X, index).numpy(), X.astype(np.float32)[index])
        gradcheck(lambda x: x[index], X)


def test_index_may_be_a_tensor():
    assert Tensor(X)[Tensor([2, 0])].shape == (2, 5, 2)
    assert Tensor(X)[Tensor([True, False, True])].shape == (2, 5, 2)


def test_element_picked_twice_gets_both_gradients():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x[[1, 1, 0]] * Tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100.0, 11.0, 0.0]


@pytest.mark.parametrize("index", [3, (0, 0, 0, 0), [7], slice(None, None, 0)])
def test_index_outside(index):
    with pytest.raises(ValueError, match="getitem"):
        Tensor(X)[index]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter_add_is_the_adjoint_of_gather(axis, backend):
    index = RNG.integers(0, X.shape[axis], size=[7 if i == axis % 3 else n for i, n in enumerate(X.shape)])
    y = RNG.normal(size=index.shape)
    with backends.using(backend), precision(64):
        gathered = (ops.take_along_axis(X, index, axis=axis) * y).sum().item()
        scattered = (ops.scatter_add(np.zeros_like(X), index, y, axis=axis) * X).sum().item()
    assert gathered == pytest.approx(scattered, abs=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_scatter_add_counts_every_repetition_and_leaves_its_argument(backend):
    x = np.zeros(4, dtype=np.float32)
    with backends.using(backend):
        out = ops.scatter_add(Tensor(x), np.array([2, 2, -1]), np.array([1.0, 10.0, 5.0]))
    assert out.numpy().tolist() == [0.0, 0.0, 11.0, 5.0] and not x.any()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("op", ["take_along_axis", "scatter_add"])
def test_gather_and_scatter_outside(op, backend):
    args = (np.array([5]),) if op == "take_along_axis" else (np.array([5]), np.ones(1))
    with backends.using(backend), pytest.raises(ArgumentError, match=op):
        getattr(ops, op)(np.ones(5), *args)


def test_embedding_is_a_product_with_one_hot_rows():
    table, ids = RNG.normal(size=(7, 3)), RNG.integers(0, 7, size=(2, 5))
    weight = RNG.normal(size=(2, 5, 3))
    with precision(64):
        a, b = Tensor(table, requires_grad=True), Tensor(table, requires_grad=True)
        (ops.embedding(a, ids) * weight).sum().backward()
        (ops.matmul(np.eye(7)[ids], b) * weight).sum().backward()
    np.testing.assert_allclose(a.grad, b.grad, atol=1e-12)


def test_embedding_refuses_bad_ids():
    table = np.ones((7, 3))
    for ids in ([7], [-1], [[0, 9]]):
        with pytest.raises(ArgumentError, match=r"0\.\.6"):
            ops.embedding(table, ids)
    with pytest.raises(DTypeError, match="integer ids"):
        ops.embedding(table, [0.0])
    assert ops.embedding(table, np.zeros((0, 2), dtype=int)).shape == (0, 2, 3)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_top_k_finds_what_sorting_finds(axis):
    k = min(3, X.shape[axis])
    values, chosen = ops.top_k(Tensor(X, requires_grad=True), k, axis=axis)
    want = np.take(
        np.sort(X.astype(np.float32), axis=axis), np.arange(X.shape[axis] - k, X.shape[axis]), axis
    )
    np.testing.assert_array_equal(np.sort(values.numpy(), axis=axis), want)
    np.testing.assert_array_equal(np.take_along_axis(X.astype(np.float32), chosen, axis), values.numpy())
    assert values.requires_grad


def test_top_k_refuses_k_outside():
    for k in (0, 6):
        with pytest.raises(ArgumentError, match="1 <= k <= 5"):
            ops.top_k(Tensor(X), k, axis=1)
