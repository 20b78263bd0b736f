"""Taylor features: their products are the first terms of exp."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, precision
from minattn.attention.linear import LinearMixer, Taylor

B, H, T, D = 2, 3, 7, 5


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def products(taylor, q, k):
    q, k = taylor(q, k)
    return q.numpy() @ k.numpy().swapaxes(-1, -2)


@pytest.mark.parametrize("symmetric", [False, True])
def test_products_are_the_polynomial(rng, symmetric):
    q, k = rng.normal(size=(2, B, H, T, D))
    s = q @ k.swapaxes(-1, -2) / np.sqrt(D)
    np.testing.assert_allclose(products(Taylor(1), q, k), 1 + s)
    second = products(Taylor(2, symmetric=symmetric), q, k)
    np.testing.assert_allclose(second, 1 + s + s**2 / 2)
    assert second.min() >= 0.5
    near = np.abs(s) <= 0.5
    assert near.any() and np.abs(second / np.exp(s) - 1)[near].max() <= 0.031
    np.testing.assert_allclose(products(Taylor(1, scale=0.5), q, k), 1 + 0.25 * s * np.sqrt(D))


def test_sizes_and_gradients(rng):
    x = rng.normal(size=(1, 2, 3, D))
    assert [Taylor(*a).features(x).shape[-1] for a in ((1,), (2,), (2, None, True))] == [6, 31, 21]
    gradcheck(Taylor().features, x)
    gradcheck(Taylor(symmetric=True).features, x)


@pytest.mark.parametrize("order", [1, 2])
def test_mixer_with_narrow_keys_equals_explicit_weights(rng, order):
    mixer, x = LinearMixer(A.NarrowKeys(12, H, D, rng=rng), Taylor(order)), rng.normal(size=(B, T, 12))
    q, k, v = (part.numpy() for part in mixer.projection(x, x))
    assert q.shape == k.shape == (B, H, T, D) and v.shape == (B, H, T, 4)
    s = q @ k.swapaxes(-1, -2) / np.sqrt(D)
    weights = np.tril(1 + s + (order == 2) * s**2 / 2)
    expected = mixer.projection.merge(weights / weights.sum(-1, keepdims=True) @ v).numpy()
    for form in (mixer, mixer.parallel):
        np.testing.assert_allclose(form(x).numpy(), expected, atol=1e-10)
    _, (_, state) = mixer.step(x[:, :1])
    assert state.size == B * mixer.state_floats() == B * H * (31 if order == 2 else 6) * 5
