"""Predictive local attention (local-p)."""

import math

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, precision

B, T, S, D = 2, 3, 11, 5


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def trace(rng, half, valid=None):
    attention = A.luong_local_p(D, half, rng=rng)
    return attention, attention.trace(rng.normal(size=(B, T, D)), rng.normal(size=(B, S, D)), valid=valid)


@pytest.mark.parametrize("half", [1, 3, 4.5])
def test_weights_decay_exactly_as_a_bell_inside_the_window(rng, half):
    _, t = trace(rng, half)
    weights, scores = t.weights.numpy()[:, 0], t.scores.numpy()[:, 0]
    p = t.extra["center"].numpy()[:, 0, :, 0]
    for b, i in np.ndindex(B, T):
        near = [s for s in range(S) if abs(s - p[b, i]) <= half]
        total = sum(math.exp(scores[b, i, s]) for s in near)
        for s in range(S):
            bell = math.exp(-((s - p[b, i]) ** 2) / (2 * (half / 2) ** 2))
            expected = math.exp(scores[b, i, s]) / total * bell if s in near else 0.0
            np.testing.assert_allclose(weights[b, i, s], expected, atol=1e-12)
    assert (weights.sum(axis=-1) <= 1).all()


@pytest.mark.parametrize("half, atol", [(math.inf, 0), (1e6, 1e-9)])
def test_an_endless_window_is_global_attention(rng, half, atol):
    attention, t = trace(rng, half)
    plain = A.Attention(A.Identity(), score=A.Dot()).trace(t.x, t.context)
    np.testing.assert_allclose(t.weights.numpy(), plain.weights.numpy(), atol=atol)


def test_the_place_is_the_equation_and_counts_real_keys(rng):
    valid = np.arange(S) < np.array([[S], [4]])
    attention, t = trace(rng, 2, valid)
    w = attention.weights
    share = 1 / (1 + np.exp(-np.tanh(t.q.numpy() @ w.w_p.data) @ w.v_p.data))
    np.testing.assert_allclose(t.extra["center"].numpy(), share * np.array([S, 4])[:, None, None, None])
    assert not t.weights.numpy()[1, ..., 4:].any()


def test_the_place_is_trained_by_back_propagation(rng):
    attention, t = trace(rng, 5)
    x, context = t.x.numpy(), t.context.numpy()
    w_p, v_p = attention.weights.w_p.data, attention.weights.v_p.data

    def out(w_p, v_p):
        attention.weights.w_p, attention.weights.v_p = w_p, v_p
        return attention.trace(x, context).out

    gradcheck(out, w_p, v_p)
    attention.weights.v_p.requires_grad = True
    attention.trace(x, context).out.sum().backward()
    assert np.abs(attention.weights.v_p.grad).max() > 1e-6
