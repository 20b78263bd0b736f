"""Log-normal features: linear weights that spread like those of softmax."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, precision
from minattn.attention import mixers
from minattn.attention.linear import LinearEncoder, LinearMixer, LogNormal, calibrate
from minattn.errors import ArgumentError

B, H, T, D = 2, 3, 7, 4
M = H * D


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def test_rates_match_the_variance_of_the_scores():
    feature = LogNormal(0.2, -0.33)
    for sq, sk in ((1.0, 1.0), (0.7, 1.9), (2.0, 0.3)):
        alpha, beta = feature.rates(sq, sk)
        assert alpha * sq == pytest.approx(beta * sk)
        assert 0.2 * ((alpha * sq) ** 2 + (beta * sk) ** 2) - 0.33 == pytest.approx((sq * sk) ** 2)


def test_calibration_is_near_the_published_line():
    a, b = calibrate(64)
    assert 0.12 <= a <= 0.17 and -0.5 <= b <= -0.2
    assert calibrate(16) == calibrate(16) != calibrate(8)


@pytest.mark.parametrize("kind", [LinearMixer, LinearEncoder])
def test_equals_the_explicit_matrix(rng, kind):
    mixer, x = kind(A.MultiHead(M, H, rng=rng), LogNormal(0.2, -0.3)), rng.normal(size=(B, T, M))
    q, k, v = (part.numpy() for part in mixer.projection(x, x))
    alpha, beta = mixer.feature.rates(q.std(), k.std())
    weights = np.exp(alpha * q) @ np.exp(beta * k).swapaxes(-1, -2)
    weights = weights if kind is LinearEncoder else np.tril(weights)
    weights /= weights.sum(-1, keepdims=True)
    expected = mixer.projection.merge(weights @ v).numpy()
    for form in (mixer, mixer.parallel):
        np.testing.assert_allclose(form(x).numpy(), expected, atol=1e-10)


def test_spread_is_of_the_batch_in_training_and_kept_after_it(rng):
    feature, (q, k) = LogNormal(0.2, -0.3, momentum=1.0), rng.normal(size=(2, B, H, T, D)) * 1.7
    feature(q, k)
    assert feature.spread == pytest.approx((q.std(), k.std()))
    feature.eval()(3 * q, k)
    assert feature.spread == pytest.approx((q.std(), k.std()))
    with pytest.raises(ArgumentError, match="calibrate"):
        LogNormal(-1, 0)


def test_gradients_do_not_pass_through_the_spread(rng):
    mixer = mixers.load("lln")(M, H, rng=rng).eval()
    gradcheck(mixer, rng.normal(size=(1, 4, M)))
