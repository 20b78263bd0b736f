"""Moving elements: the composed functions equal NumPy's, and errors name the shape."""

import numpy as np
import pytest

from minattn.autodiff import Tensor, gradcheck, ops
from minattn.errors import ShapeError

X = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)


def same(tensor, array):
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_composed_functions_equal_numpy():
    same(ops.swapaxes(X, 0, -1), X.swapaxes(0, -1))
    same(ops.squeeze(X[:, :1], 1), X[:, 0])
    same(ops.squeeze(X[..., :1], -1), X[..., 0])
    for axis in range(-4, 4):
        same(ops.expand_dims(X, axis), np.expand_dims(X, axis))
    for part, want in zip(ops.split(X, 5), np.split(X, 5, axis=-1), strict=True):
        same(part, want)
    for part, want in zip(ops.split(X, 3, axis=1), np.split(X, 3, axis=1), strict=True):
        same(part, want)


def test_primitives_equal_numpy():
    same(ops.reshape(X, (5, -1)), X.reshape(5, -1))
    same(ops.reshape(X, [5, 6]), X.reshape(5, 6))
    same(ops.transpose(X, (2, 0, 1)), X.transpose(2, 0, 1))
    same(ops.flip(X, 1), X[:, ::-1])
    same(ops.pad(X, ((0, 0), (1, 2), (0, 3))), np.pad(X, ((0, 0), (1, 2), (0, 3))))
    same(ops.concatenate([X, X[:1]], axis=0), np.concatenate([X, X[:1]]))
    same(ops.stack([X, X], axis=-1), np.stack([X, X], axis=-1))
    same(ops.broadcast_to(X[:, :1], (7, 2, 3, 5)), np.broadcast_to(X[:, :1], (7, 2, 3, 5)))
    same(ops.cumsum(X, axis=1), X.cumsum(axis=1))


def test_split_is_undone_by_concatenate():
    same(ops.concatenate(ops.split(X, 3, axis=1), axis=1), X)
    gradcheck(lambda x: ops.concatenate(ops.split(x, 3, axis=1)[::-1], axis=1), X)


def test_repeat_heads_repeats_each_head_in_a_row():
    heads = np.arange(2 * 3 * 5 * 7, dtype=np.float32).reshape(2, 3, 5, 7)
    same(ops.repeat_heads(Tensor(heads), 4), np.repeat(heads, 4, axis=1))
    same(ops.repeat_heads(Tensor(heads), 1), heads)
    gradcheck(lambda x: ops.repeat_heads(x, 2), heads[:, :, :2, :2])


def test_errors_name_what_was_called():
    with pytest.raises(ShapeError, match="squeeze"):
        ops.squeeze(X, 1)
    with pytest.raises(ShapeError, match=r"length 5 of shape \(2, 3, 5\)"):
        ops.split(X, 2)
    with pytest.raises(ShapeError, match="concatenate(.|\n)*empty list"):
        ops.concatenate([])
    with pytest.raises(ShapeError, match="stack"):
        ops.stack([X, X[0]])
    with pytest.raises(ShapeError, match="reshape"):
        ops.reshape(X, (7, 7))
    with pytest.raises(ShapeError, match="max"):
        ops.max(X[:0])
    with pytest.raises(ShapeError, match="mean"):
        ops.mean(X[:0], axis=0)
