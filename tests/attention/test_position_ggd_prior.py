"""The exact facts of a prior over distance."""

import numpy as np
import pytest
from slot_gradients import check_gradients

from minattn import attention as A
from minattn import no_grad, precision
from minattn.attention.positions import GGDPrior, ShiftedGGDPrior
from minattn.errors import ArgumentError

B, T, S, H, D = 2, 5, 7, 3, 4


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def set_to(position, rng):
    position.beta.data = rng.uniform(0.3, 2.0, size=H)
    position.s.data = rng.normal(size=H)
    if hasattr(position, "l"):
        position.l.data = rng.normal(size=H)
    return position


def attention(rng, position, masks=()):
    return A.multi_head(H * D, H, rng=rng, positions=[position], masks=list(masks))


@pytest.mark.parametrize("kind", [GGDPrior, ShiftedGGDPrior])
def test_the_equation_one_pair_at_a_time(rng, kind):
    position = set_to(kind(H), rng)
    l = position.l.data if kind is ShiftedGGDPrior else np.zeros(H)
    distance = np.arange(5)[:, None] - np.arange(7)
    got = position.prior(distance).numpy()
    for h, i, j in np.ndindex(got.shape):
        away = abs(j - i - np.exp(l[h]) + np.exp(-l[h])) * np.exp(position.s.data[h]) + 1e-5
        np.testing.assert_allclose(got[h, i, j], -(away ** position.beta.data[h]))


def test_a_prior_starts_as_alibi_and_without_a_shape_is_no_position(rng):
    x = rng.normal(size=(B, T, H * D))
    plain = attention(np.random.default_rng(0), A.ALiBi(H)).trace(x).weights.numpy()
    start = attention(np.random.default_rng(0), GGDPrior(H)).trace(x).weights.numpy()
    np.testing.assert_allclose(start, plain, atol=1e-12)
    flat = attention(np.random.default_rng(0), GGDPrior(H, beta=0.0)).trace(x).weights.numpy()
    without = A.multi_head(H * D, H, rng=np.random.default_rng(0)).trace(x).weights.numpy()
    np.testing.assert_allclose(flat, without, atol=1e-12)


def test_a_location_of_zero_changes_nothing_and_others_move_the_peak():
    distance = np.arange(-9, 10)
    np.testing.assert_array_equal(*(kind(H).prior(distance).numpy() for kind in (GGDPrior, ShiftedGGDPrior)))
    moved = ShiftedGGDPrior(1, beta=2.0)
    moved.l.data = np.array([np.arcsinh(-2.5)])  # mu = 2 sinh l = -5
    assert distance[moved.prior(distance).numpy()[0].argmax()] == 5


def test_a_negative_shape_prefers_far_keys_and_stays_finite():
    bias = GGDPrior(2, beta=-0.7).prior(np.arange(12)).numpy()
    assert (np.diff(bias) > 0).all() and np.isfinite(bias).all()


@pytest.mark.parametrize("masks", [[], [A.Causal()]])
def test_without_gradient_the_fused_primitive_takes_it(rng, masks):
    one, x = attention(rng, set_to(GGDPrior(H), rng), masks), rng.normal(size=(B, T, H * D))
    traced = one(x).numpy()
    assert not one.fuses()
    with no_grad():
        assert one.fuses()
        np.testing.assert_allclose(one(x).numpy(), traced, atol=1e-12)
        cache = A.KVCache()
        steps = [one(x[:, t : t + 1], cache=cache).numpy() for t in range(T)]
    if masks:
        np.testing.assert_allclose(np.concatenate(steps, axis=1), traced, atol=1e-12)


@pytest.mark.parametrize("kind", [GGDPrior, ShiftedGGDPrior])
def test_gradients(rng, kind):
    check_gradients(attention(rng, set_to(kind(H), rng), [A.Causal()]), rng.normal(size=(1, T, H * D)))


def test_a_shape_that_is_no_number_is_refused():
    with pytest.raises(ArgumentError):
        GGDPrior(H, beta=np.inf)
    with pytest.raises(ArgumentError):
        attention(np.random.default_rng(0), GGDPrior(H + 1))
