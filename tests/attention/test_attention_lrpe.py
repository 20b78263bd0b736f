"""Linearised relative positions, and the decays of layers."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, precision
from minattn.attention.linear import LinearMixer, layer_rates, published_rates
from minattn.attention.positions import LRPE
from minattn.errors import ArgumentError

T, F = 11, 5


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def test_products_see_the_distance_of_places(rng):
    q, k = rng.normal(size=(2, 1, 1, T, F))
    lrpe, places = LRPE(F, base=50.0), np.arange(T)
    for shift in (0, 7):
        turned = [lrpe.turn(part, places + shift).numpy()[0, 0] for part in (q, k)]
        gaps = np.cos(lrpe.theta.numpy() * (places[:, None] - places)[..., None])
        expected = (q[0, 0][:, None] * k[0, 0] * gaps).sum(-1)
        np.testing.assert_allclose(turned[0] @ turned[1].T, expected, atol=1e-12)
    assert turned[0].shape == (T, 2 * F)
    gradcheck(lambda x: lrpe.turn(x, places), q)
    with pytest.raises(ArgumentError, match="n_features=0"):
        LRPE(0)


def test_in_softmax_attention_as_in_a_linear_mixer(rng):
    x = rng.normal(size=(2, T, 10))
    attention = A.multi_head(10, 2, rng=rng, positions=[LRPE(5)], masks=[A.Causal()])
    assert attention.trace(x).q.shape == (2, 2, T, 10)
    mixer = LinearMixer(A.MultiHead(10, 2, rng=rng), positions=[LRPE(5)])
    assert mixer.state_floats() == 2 * 10 * 6
    np.testing.assert_allclose(mixer(x).numpy(), mixer.parallel(x).numpy(), atol=1e-10)
    gradcheck(mixer, x[:1, :4])


def test_rates_grow_with_layer_and_head():
    for rates in (layer_rates, published_rates):
        table = np.array([rates(4, layer, 3) for layer in range(3)])
        assert (np.diff(table, axis=0) >= 0).all() and ((table > 0) & (table <= 1)).all()
    np.testing.assert_allclose(layer_rates(2, 0, 2), np.exp([-1, -0.25]))
    np.testing.assert_allclose(published_rates(2, 1, 2), np.exp([0, -2]))
