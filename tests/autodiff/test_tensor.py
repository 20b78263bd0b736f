"""The tape: what it remembers, how it walks back, what it refuses."""

import gc

import numpy as np
import pytest

from minattn.autodiff import PRIMITIVES, Tensor, as_tensor, grad_enabled, no_grad, ops, precision, tensor
from minattn.errors import DTypeError, GraphError, ShapeError


def leaf(*values):
    return Tensor(np.array(values, dtype=float), requires_grad=True)


def test_long_chain_neither_recurses_backward_nor_when_freed():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward(np.ones(1))
    assert x.grad.tolist() == [20_001.0]
    z = x
    for _ in range(20_000):
        z = z * 1.0
    del z
    gc.collect()


def test_long_sum_that_is_never_differentiated_can_be_freed():
    x, parts = leaf(1.0), []
    for _ in range(200):
        parts.append(ops.stack([parts[-1] if parts else x, x])[0])
    del parts
    gc.collect()


def test_shared_parts_are_walked_once():
    x = leaf(2.0)
    y = x
    for _ in range(40):  # 2 ** 40 paths
        y = y + y
    y.backward(np.ones(1))
    assert x.grad.tolist() == [2.0**40]


def test_gradients_accumulate_in_leaves_and_nowhere_else():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    middle = x * 3.0
    middle.sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    assert middle.grad is None


def test_leaf_gradients_are_their_own():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2, dtype=np.float32)
    (a + b).backward(seed)
    a.grad *= 10  # also: writeable
    assert b.grad.tolist() == [1.0, 1.0] and seed.tolist() == [1.0, 1.0]
    c = leaf(1.0, 2.0)
    c.sum().backward()
    c.grad *= 2
    assert c.grad.tolist() == [2.0, 2.0]


def test_constants_get_no_gradient_and_stop_it():
    x, c = leaf(1.0, 2.0), Tensor([3.0, 4.0])
    (x * c + x.detach() * x).sum().backward()
    assert c.grad is None
    assert x.grad.tolist() == [4.0, 6.0]


def test_argument_without_derivative_is_passed_over():
    q, bias = leaf(*range(4)).reshape(1, 1, 2, 2), leaf(1.0, 2.0)
    PRIMITIVES["attention"](q, q, q, None, bias * 1.0, scale=1.0).sum().backward()
    assert bias.grad is None


def test_second_backward_says_that_the_tape_is_freed():
    loss = (leaf(1.0, 2.0) ** 2).sum()
    loss.backward()
    with pytest.raises(GraphError, match="freed(.|\n)*compute the loss again"):
        loss.backward()


def test_loss_built_on_a_freed_part_is_refused_before_anything_changes():
    x = leaf(1.0, 2.0)
    shared = x * 2.0
    shared.sum().backward()
    with pytest.raises(GraphError, match="made by multiply"):
        (shared + x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_tape_forgets_what_it_kept():
    x = leaf(1.0, 2.0)
    y = ops.exp(x)
    node = y.node
    y.sum().backward()
    assert node.args is None and node.saved is None


def test_backward_needs_history_one_element_and_a_fitting_gradient():
    with pytest.raises(GraphError, match="without history"):
        Tensor([1.0]).sum().backward()
    with pytest.raises(ShapeError, match="one element"):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(ShapeError):
        (leaf(1.0, 2.0) * 2).backward(np.ones(3))


def test_assignment_to_a_recorded_tensor_says_what_to_write_instead():
    x = leaf(1.0, 2.0)
    with pytest.raises(GraphError, match="ops.where"):
        (x * 2)[0] = 5.0
    with pytest.raises(GraphError, match="requires_grad"):
        x[0] = 5.0
    plain = Tensor([1.0, 2.0, 3.0])
    plain[Tensor([0, 2])] = Tensor([7.0, 8.0])
    assert plain.numpy().tolist() == [7.0, 2.0, 8.0]


def test_broadcast_gradients_are_summed_back():
    x, y, scalar = leaf(1.0, 2.0, 3.0), Tensor(np.ones((5, 2, 1)), requires_grad=True), leaf(2.0)[0]
    (x * y + scalar).sum().backward()
    assert x.grad.tolist() == [10.0] * 3
    assert y.grad.shape == (5, 2, 1) and (y.grad == 6).all()


def test_numpy_array_on_the_left_asks_the_tensor():
    x, a = leaf(1.0, 2.0), np.array([3.0, 5.0])
    assert all(isinstance(r, Tensor) for r in (a * x, a + x, a - x, a / x, a @ x, a**x, np.float64(2) * x))
    (a * x - np.float64(2) / x).sum().backward()
    assert x.grad.tolist() == [5.0, 5.5]


def test_operators_equal_numpy():
    a, b = np.array([[1.5, -2.0], [0.5, 3.0]]), np.array([[2.0, 4.0], [1.0, 0.5]])
    with precision(64):
        x, y = Tensor(a), Tensor(b)
        pairs = [
            (x + y, a + b), (x - y, a - b), (1 - y, 1 - b), (x * y, a * b), (x / y, a / b), (2 / y, 2 / b),
            (-x, -a), (x**2, a**2), (2.0**y, 2.0**b), (x @ y, a @ b), (a @ y, a @ b), (abs(x), abs(a)),
            (x.T, a.T), (x[0], a[0]), (x.reshape(4), a.reshape(4)), (x.reshape((1, 4)), a.reshape(1, 4)),
            (x.transpose(1, 0), a.T), (x.transpose(), a.T), (x.swapaxes(0, 1), a.T), (x.sum(), a.sum()),
            (x.mean(axis=0), a.mean(axis=0)), (x.max(axis=1), a.max(axis=1)), (x.min(), a.min()),
            (x.var(axis=-1, keepdims=True), a.var(axis=-1, keepdims=True)), (y.exp(), np.exp(b)),
            (y.log(), np.log(b)), (y.sqrt(), np.sqrt(b)), (x.tanh(), np.tanh(a)), (x.relu(), a.clip(0)),
            (x.cumsum(axis=0), a.cumsum(axis=0)), (x.sigmoid(), 1 / (1 + np.exp(-a))),
            (x.softmax(axis=0), np.exp(a) / np.exp(a).sum(axis=0)),
        ]  # fmt: skip
    for got, want in pairs:
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)
    assert ((x < y) == (a < b)).all() and ((x >= 0) == (a >= 0)).all()


def test_no_grad_records_nothing():
    x = leaf(1.0, 2.0)
    with no_grad():
        assert not grad_enabled()
        y = x * 2
    assert grad_enabled() and not y.requires_grad and y.node is None


def test_no_grad_and_precision_end_with_an_error_inside():
    for block in (no_grad(), precision(64)):
        with pytest.raises(KeyError), block:
            raise KeyError
    assert grad_enabled() and Tensor([1.0]).dtype == np.float32


def test_precision():
    assert Tensor(np.ones(2)).dtype == np.float32
    with precision(64):
        x = Tensor(np.ones(2, dtype=np.float32), requires_grad=True)
        assert x.dtype == np.float64
    y = x * np.float64(2) + 1  # what is wide stays wide
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float64
    with pytest.raises(ValueError, match="32 or 64"), precision(16):
        pass


def test_float32_does_not_grow():
    x = leaf(1.0, 2.0)
    results = (x * np.float64(3), np.ones(2) * x, x + 1, 2.0**x, x / np.array(2.0), x**0.5, x.mean(), x.var())
    assert {r.dtype for r in results} == {np.dtype(np.float32)}
    integers = Tensor([1, 2, 4])
    assert integers.dtype.kind == "i" and integers.sum().dtype.kind == "i"
    assert integers.mean().dtype == (integers / 2).dtype == ops.exp(1.0).dtype == np.float32
    assert ops.add(1, 2).item() == 3 and ops.add(1.0, 2).dtype == np.float32


def test_integers_booleans_and_other_data():
    assert Tensor([True, False]).dtype == bool
    with pytest.raises(DTypeError, match="floating-point"):
        Tensor([1, 2], requires_grad=True)
    for data in (["a"], [1j], [None]):
        with pytest.raises(DTypeError, match="real numbers"):
            Tensor(data)
    with pytest.raises(ShapeError, match="equal length"):
        Tensor([[1.0], [1.0, 2.0]])


def test_shapes_that_do_not_fit_name_the_function_and_the_shapes():
    with pytest.raises(ShapeError, match=r"^add\(\)\n(.|\n)*\(2,\), \(3,\)"):
        Tensor([1.0, 2.0]) + Tensor([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match=r"matmul(.|\n)*\(2, 3\), \(2, 3\)"):
        Tensor(np.ones((2, 3))) @ Tensor(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"sum\(axis=3"):
        Tensor([1.0]).sum(axis=3)


def test_tensor_copies_and_as_tensor_does_not():
    a = np.ones(2, dtype=np.float32)
    copied, shared = tensor(a), Tensor(a)
    a[0] = 5
    assert copied.numpy().tolist() == [1.0, 1.0] and shared.numpy().tolist() == [5.0, 1.0]
    assert as_tensor(shared) is shared
    assert tensor(leaf(1.0)).node is None


def test_becoming_a_numpy_array_is_explicit_where_a_gradient_would_be_lost():
    assert np.asarray(Tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    with pytest.raises(GraphError, match="numpy()"):
        np.asarray(leaf(1.0))
    with pytest.raises(GraphError, match="ops.stack"):
        Tensor([leaf(1.0), leaf(2.0)])
    with pytest.raises(TypeError):
        np.exp(Tensor([1.0]))


def test_small_things():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2 and x.ndim == 2 and x.size == 4 and x.shape == (2, 2)
    assert [row.numpy().tolist() for row in x] == [[1.0, 2.0], [3.0, 4.0]]
    assert float(x[0, 0]) == x[0, 0].item() == 1.0 and bool(x[0, 0] > 0)
    with pytest.raises(ShapeError, match="one element"):
        x.item()
    assert "requires_grad" in repr(leaf(1.0)) and "made by multiply" in repr(leaf(1.0) * 2)
