"""From scores to distributions and losses."""

import math

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import Tensor, gradcheck, ops, precision
from minattn.errors import ArgumentError, DTypeError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 5))
MASK = np.array([[True, False, True, True, False], [False] * 5, [False, False, True, False, False]])
both = pytest.mark.parametrize("backend", ["numpy", "numba"])


@both
@pytest.mark.parametrize("op", [ops.softmax, ops.sparsemax])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_masked_is_the_same_as_leaving_out(op, axis, backend):
    mask = np.broadcast_to(MASK, X.shape)
    with backends.using(backend), precision(64):
        out = np.moveaxis(op(X, MASK, axis=axis).numpy(), axis, -1)
        for row, x, m in zip(
            out.reshape(-1, X.shape[axis]),
            np.moveaxis(X, axis, -1).reshape(-1, X.shape[axis]),
            np.moveaxis(mask, axis, -1).reshape(-1, X.shape[axis]),
            strict=True,
        ):
            assert (row[~m] == 0).all()
            if m.any():
                np.testing.assert_allclose(row[m], op(x[m]).numpy(), atol=1e-12)
                assert row.sum() == pytest.approx(1)


@both
def test_mask_wider_than_the_scores(backend):
    with backends.using(backend):
        out = ops.softmax(X[0, 0], MASK)
        assert out.shape == (3, 5) and out.numpy()[1].tolist() == [0] * 5
        gradcheck(lambda x: ops.softmax(x, MASK), X[0, 0])


@both
@pytest.mark.parametrize(
    "shape", [(), (1,), (5,), (3, 5), (3, 1), (1, 3, 5), (2, 1, 5), (2, 1, 1), (1, 1, 1)]
)
def test_mask_of_every_shape(shape, backend):
    mask = np.random.default_rng(5).random(shape) < 0.7
    with backends.using(backend), precision(64):
        got = ops.softmax(X, mask).numpy()
        np.testing.assert_allclose(got, ops.softmax(X, np.broadcast_to(mask, X.shape)).numpy(), atol=1e-15)


@both
def test_huge_scores_and_shifts_change_nothing(backend):
    with backends.using(backend):
        near = ops.softmax(X).numpy()
        np.testing.assert_allclose(ops.softmax(X + 64.0).numpy(), near, atol=1e-5)
        assert ops.softmax([[1e30, -1e30, 1e30]]).numpy().tolist() == [[0.5, 0.0, 0.5]]
        assert ops.softmax([[-np.inf, 0.0, -np.inf]]).numpy().tolist() == [[0.0, 1.0, 0.0]]


@both
def test_not_a_number_is_not_hidden(backend):
    with backends.using(backend):
        out = ops.softmax([[np.nan, 0.0, 1.0], [0.0, 0.0, 0.0]], np.array([True, True, True])).numpy()
        assert np.isnan(out[0]).all() and np.isfinite(out[1]).all()
        assert math.isnan(ops.cross_entropy([[np.nan, 0.0]], np.array([1])).item())
        assert np.isnan(ops.layer_norm([[np.nan, 0.0]], np.ones(2), np.zeros(2)).numpy()).all()


def test_log_softmax_logsumexp_and_softmax_agree():
    with precision(64):
        p = ops.softmax(X, axis=1).numpy()
        np.testing.assert_allclose(ops.log_softmax(X, axis=1).numpy(), np.log(p), atol=1e-12)
        lse = ops.logsumexp(X, axis=1, keepdims=True).numpy()
        np.testing.assert_allclose(np.exp(X - lse), p, atol=1e-12)
    assert ops.logsumexp(np.full(4, 1e4)).item() == pytest.approx(1e4 + math.log(4))


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    with precision(64):
        p = ops.sparsemax(3 * X).numpy().reshape(-1, 5)
    for row, z in zip(p, 3 * X.reshape(-1, 5)):
        support = row > 0
        gap = z - row  # equal on the support, not larger off it: the conditions of optimality
        assert row.min() >= 0 and row.sum() == pytest.approx(1)
        assert np.ptp(gap[support]) < 1e-12 and (gap[~support] <= gap[support].max() + 1e-12).all()
    assert (p == 0).any()


@both
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_composed_one(smoothing, backend):
    targets = np.array([[0, 4, 9], [2, 9, 1]])
    with backends.using(backend), precision(64):
        a, b = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
        loss = ops.cross_entropy(a, targets, ignore=9, smoothing=smoothing)
        log_p = ops.log_softmax(b)
        want = ops.take_along_axis(log_p, np.where(targets == 9, 0, targets)[..., None])[..., 0]
        want = (1 - smoothing) * want + smoothing * log_p.mean(axis=-1)
        want = -ops.where(targets != 9, want, 0.0).sum() / 4
        loss.backward()
        want.backward()
    assert loss.item() == pytest.approx(want.item(), abs=1e-12)
    np.testing.assert_allclose(a.grad, b.grad, atol=1e-12)


@both
def test_cross_entropy_without_a_row_that_counts_is_zero(backend):
    with backends.using(backend):
        x = Tensor(X, requires_grad=True)
        loss = ops.cross_entropy(x, np.full((2, 3), 4), ignore=4)
        loss.backward()
        assert loss.item() == 0 and not x.grad.any()
        assert ops.cross_entropy(np.zeros((0, 5)), np.zeros(0, dtype=int)).item() == 0


def test_cross_entropy_refuses_targets_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"targets \(2, 3\)"):
        ops.cross_entropy(X, np.zeros((3, 2), dtype=int))
    with pytest.raises(DTypeError, match="integer"):
        ops.cross_entropy(X, np.zeros((2, 3)))
    for bad in (5, -1):
        with pytest.raises(ArgumentError, match=r"0\.\.4"):
            ops.cross_entropy(X, np.full((2, 3), bad))


def test_binary_cross_entropy_and_mse():
    t = RNG.random(size=X.shape)
    with precision(64):
        p = 1 / (1 + np.exp(-X))
        want = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
        assert ops.binary_cross_entropy(X, t).item() == pytest.approx(want)
        assert ops.mse(X, t).item() == pytest.approx(((X - t) ** 2).mean())
    assert ops.binary_cross_entropy([1000.0, -1000.0], [1.0, 0.0]).item() == 0
    gradcheck(lambda x: ops.binary_cross_entropy(x, t), X)


def test_functions_at_their_ends():
    with precision(64):
        far = Tensor([-1000.0, 0.0, 1000.0])
        assert far.sigmoid().numpy().tolist() == [0.0, 0.5, 1.0]
        assert ops.softplus(far).numpy().tolist() == [0.0, math.log(2), 1000.0]
        assert ops.gelu(far).numpy().tolist() == ops.silu(far).numpy().tolist() == [0.0, 0.0, 1000.0]


def test_norms_have_the_moments_they_promise():
    with precision(64):
        out = ops.layer_norm(7 * X + 3, np.ones(5), np.zeros(5), eps=0.0).numpy()
        np.testing.assert_allclose(out.mean(axis=-1), 0, atol=1e-12)
        np.testing.assert_allclose(out.var(axis=-1), 1, atol=1e-12)
        rms = ops.rms_norm(7 * X, np.ones(5), eps=0.0).numpy()
        np.testing.assert_allclose((rms**2).mean(axis=-1), 1, atol=1e-12)
    assert not ops.rms_norm(np.zeros((2, 3)), np.ones(3)).numpy().any()
