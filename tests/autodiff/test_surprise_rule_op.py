"""The delta rule with momentum and forgetting: against its own equations and its two neighbours."""

import numpy as np
import pytest

from minattn import precision
from minattn.autodiff import ops
from minattn.errors import ShapeError

B, H, T, F, D = 2, 3, 11, 5, 4


@pytest.fixture
def given():
    rng = np.random.default_rng(3)
    q, k = rng.normal(size=(2, B, H, T, F))
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    return q, k, rng.normal(size=(B, H, T, D)), *rng.random((3, B, H, T))


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def test_it_is_a_step_of_descent_a_token(given):
    q, k, v, theta, eta, alpha = given
    out, state = ops.surprise_rule(*given)
    m, s = np.zeros((2, F, D))
    for t in range(T):
        gradient = 2 * np.outer(k[1, 2, t], k[1, 2, t] @ m - v[1, 2, t])
        s = eta[1, 2, t] * s - theta[1, 2, t] * gradient
        m = (1 - alpha[1, 2, t]) * m + s
        np.testing.assert_allclose(out.data[1, 2, t], q[1, 2, t] @ m, atol=1e-12)
    np.testing.assert_allclose(state.data[1, 2], np.concatenate([m, s]), atol=1e-12)


def test_without_momentum_and_forgetting_it_is_the_delta_rule(given):
    q, k, v, theta, *_ = given
    out, _ = ops.surprise_rule(q, k, v, theta, 0 * theta, 0 * theta)
    np.testing.assert_allclose(out.data, ops.delta_rule(q, k, v, 2 * theta).data, atol=1e-12)


def test_half_a_step_writes_a_value_exactly(given):
    q, k, v, theta, *_ = given
    out, _ = ops.surprise_rule(k, k, v, 0 * theta + 0.5, 0 * theta, 0 * theta)
    np.testing.assert_allclose(out.data, v, atol=1e-12)


def test_forgetting_all_leaves_the_surprise_alone(given):
    q, k, v, theta, eta, alpha = given
    state = np.random.default_rng(5).normal(size=(B, H, 2 * F, D))
    _, last = ops.surprise_rule(q, k, v, theta, eta, 0 * alpha + 1, state)
    np.testing.assert_allclose(last.data[:, :, :F], last.data[:, :, F:], atol=1e-12)


def test_without_steps_the_memory_fades(given):
    q, k, v, theta, eta, alpha = given
    state = np.random.default_rng(5).normal(size=(B, H, 2 * F, D))
    state[:, :, F:] = 0
    _, last = ops.surprise_rule(q, k, v, 0 * theta, eta, alpha, state)
    fade = np.prod(1 - alpha, axis=-1)[..., None, None]
    np.testing.assert_allclose(last.data[:, :, :F], fade * state[:, :, :F], atol=1e-12)


def test_the_state_carries_a_text_on(given):
    whole, end = ops.surprise_rule(*given)
    first, state = ops.surprise_rule(*(x[:, :, :4] for x in given))
    second, last = ops.surprise_rule(*(x[:, :, 4:] for x in given), state)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=2), whole.data, atol=1e-12)
    np.testing.assert_allclose(last.data, end.data, atol=1e-12)


def test_wrong_shapes_are_named(given):
    q, k, v, theta, eta, alpha = given
    with pytest.raises(ShapeError, match="one gate a token"):
        ops.surprise_rule(q, k, v, theta[..., :-1], eta, alpha)
