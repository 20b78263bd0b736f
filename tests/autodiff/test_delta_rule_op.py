"""The delta rule: chunks give what the recurrence gives, values and gradients."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, ops, precision
from minattn.errors import ShapeError

pool = sys.modules["minattn.backends.threads"]
CHUNK = sys.modules["minattn.autodiff.ops.delta_rule"].CHUNK
B, H, F, DV = 2, 3, 5, 4


@pytest.fixture(params=["numpy", "numba"])
def way(request):
    with backends.using(request.param):
        yield request.param


def inputs(t, b=B, h=H, f=F, dv=DV):
    """q, k of length 1, v, beta, log decay, state."""
    rng = np.random.default_rng(t)
    q, k, v = (rng.normal(size=(b, h, t, n)) for n in (f, f, dv))
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    return q, k, v, rng.random((b, h, t)), -rng.random((b, h, t)) / 2, rng.normal(size=(b, h, f, dv))


def recurrence(q, k, v, beta, decay, state):
    """S = a (I - beta k k^T) S + beta k v^T, token after token, in differentiable operations."""
    beta, keep = (a.reshape(*a.shape, 1, 1) for a in (beta, ops.exp(decay)))
    outs = []
    for t in range(q.shape[2]):
        key, value = k[:, :, t : t + 1], v[:, :, t : t + 1]
        column, rate = key.swapaxes(-1, -2), beta[:, :, t]
        state = keep[:, :, t] * (state - rate * (column @ (key @ state))) + rate * (column @ value)
        outs.append(q[:, :, t : t + 1] @ state)
    return ops.concatenate(outs, axis=2), state


def gradients(function, arrays, bits=64):
    with precision(bits):
        leaves = [Tensor(a.astype(f"float{bits}"), requires_grad=True) for a in arrays]
        out, last = function(*leaves)
        rng = np.random.default_rng(1)
        ((out * rng.normal(size=out.shape)).sum() + (last * rng.normal(size=last.shape)).sum()).backward()
        return [out.numpy(), last.numpy(), *(leaf.grad for leaf in leaves)]


def carried(*arrays):
    return ops.delta_rule(*arrays, carry=True)


def agree(got, want, tolerance):
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape and np.abs(g - w).max() <= tolerance * max(1, np.abs(w).max())


@pytest.mark.parametrize("t", [1, CHUNK, 2 * CHUNK + 3])
def test_chunks_are_the_recurrence(t, way):
    want = gradients(recurrence, inputs(t))
    agree(gradients(carried, inputs(t)), want, 1e-10)
    got = gradients(carried, inputs(t), 32)
    agree(got[:2], want[:2], 1e-5)
    agree(got[2:], want[2:], 1e-4)


@settings(max_examples=10, deadline=None)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 7), st.integers(1, 8)), st.integers(1, 70)
)
def test_any_shape(sizes, t):
    b, h, f, dv = sizes
    arrays = inputs(t, b, h, f, dv)
    with pytest.MonkeyPatch.context() as patch, backends.using("numba"):
        patch.setattr(pool, "_wanted", 3)
        patch.setattr(pool, "_cores", lambda: 3)
        got = gradients(carried, arrays)
    with backends.using("numpy"):
        agree(got, gradients(carried, arrays), 1e-10)


def test_any_number_of_threads_gives_the_same(monkeypatch):
    arrays, results = inputs(1100, 1, 1, 64, 64), []
    with backends.using("numba"):
        for n in (1, 2):
            monkeypatch.setattr(pool, "_wanted", n)
            monkeypatch.setattr(pool, "_cores", lambda: 2)
            results.append(gradients(carried, arrays, 32))
    agree(*results, 1e-5)


def test_orthonormal_keys_store_and_overwrite_exactly(way):
    keys = np.tile(np.eye(F), (2, 1))[None, None]  # each key twice
    values = np.random.default_rng(0).normal(size=(1, 1, 2 * F, DV))
    with precision(64):
        out, state = ops.delta_rule(keys, keys, values, np.ones((1, 1, 2 * F)), carry=True)
    np.testing.assert_allclose(out.numpy(), values, atol=1e-14)
    np.testing.assert_allclose(state.numpy()[0, 0], values[0, 0, F:], atol=1e-14)


def test_orthogonal_keys_make_it_linear_attention(way):
    q, _, v, beta, decay, state = inputs(F)
    k = np.broadcast_to(np.eye(F), q.shape)
    with precision(64):
        delta = ops.delta_rule(q, k, v, beta, decay, state * 0).numpy()
        linear = ops.linear_attention(q, k, v * beta[..., None], decay).numpy()
    np.testing.assert_allclose(delta, linear, atol=1e-12)


def test_a_rate_of_zero_stores_nothing(way):
    q, k, v, beta, _, state = inputs(CHUNK + 5)
    with precision(64):
        out = ops.delta_rule(q, k, v, beta * 0, None, state)
    np.testing.assert_allclose(out.numpy(), q @ state, atol=1e-12)


def test_a_decay_that_keeps_nothing(way):
    q, k, v, beta, decay, state = inputs(2 * CHUNK + 3)
    results = gradients(carried, (q, k, v, beta, decay - np.inf, state), 32)
    alone = (q * k).sum(-1, keepdims=True) * v * beta[..., None]
    np.testing.assert_allclose(results[0], alone, atol=1e-5)
    assert all(np.isfinite(a).all() for a in results)


def test_a_later_token_changes_no_earlier_output(way):
    arrays, others = inputs(CHUNK + 9), inputs(CHUNK + 9)
    for a in others[:5]:
        a[:, :, 6:] -= 0.5
    with precision(64):
        one, other = (ops.delta_rule(*a).numpy() for a in (arrays, others))
    np.testing.assert_array_equal(one[:, :, :6], other[:, :, :6])
    assert (one[:, :, 6:] != other[:, :, 6:]).any()


def test_errors():
    q, k, v, beta, _, state = inputs(7)
    for bad in ((q, k[..., 1:], v, beta), (q, k, v, beta, None, state[..., 1:])):
        with pytest.raises(ShapeError, match=r"v \(B, H, T, dv\)"):
            ops.delta_rule(*bad)
    with pytest.raises(ShapeError, match=r"beta \(B, H, T\)"):
        ops.delta_rule(q, k, v, beta[..., None])
