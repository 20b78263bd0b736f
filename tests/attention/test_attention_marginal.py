"""Attention as inference: priors, independent edges, brute force, expanding windows, associative memory."""

import math

import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, ops, precision
from minattn import attention as A
from minattn.attention import hopfield, structures
from minattn.attention.weights import Expanding, Marginal, Sigmoid, geometric
from minattn.attention.weights.expanding import digamma
from minattn.errors import ArgumentError

B, T, S, H, D = 2, 5, 11, 3, 4


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def traced(rng, weights, size=1.0, **slots):
    attention = A.multi_head(H * D, H, rng=rng, weights=weights, **slots)
    x, context = rng.normal(size=(B, T, H * D)) * size, rng.normal(size=(B, S, H * D))
    return attention.trace(x, context, start=S, valid=VALID)


VALID = np.arange(S) >= np.array([[0], [6]])


def same_as(make_prior, rng, **slots):
    """Weights under a prior, and those of softmax with other slots, from the same start."""
    seed = rng.integers(1000)
    return [
        traced(np.random.default_rng(seed), **given).weights.numpy()
        for given in (dict(weights=Marginal(make_prior)), dict(weights=A.Softmax(), **slots))
    ]


def test_no_prior_is_softmax(rng):
    np.testing.assert_array_equal(*same_as(None, rng))


def test_a_prior_of_minus_infinity_is_a_mask(rng):
    def inside(t):
        return np.where(np.abs(t.q_pos[:, None] - t.k_pos) <= 7, 0, -np.inf)

    one, two = same_as(inside, rng, masks=[A.Window(7)])
    np.testing.assert_allclose(one, two, atol=1e-12)
    assert not one[..., 0].any() and one.any()


def test_a_prior_that_falls_with_distance_is_alibi(rng):
    one, two = same_as(lambda t: A.ALiBi(H).bias(t), rng, positions=[A.ALiBi(H)])
    np.testing.assert_allclose(one, two, atol=1e-12)


def test_a_geometric_prior_is_a_slope_of_log_stay(rng):
    t = traced(rng, Marginal(geometric(0.3)))
    away = S + np.arange(T)[:, None] - np.arange(S)
    prior = 0.3 * 0.7**away
    expected = prior * np.exp(t.scores.numpy()) * VALID[:, None, None]
    np.testing.assert_allclose(t.weights.numpy(), expected / expected.sum(-1, keepdims=True), atol=1e-12)


def test_a_prior_may_be_learned(rng):
    scores, prior = rng.normal(size=(1, 1, 3, 5)), rng.normal(size=(3, 5))
    gradcheck(lambda s, p: Marginal(lambda t: p)(A.Trace(s, s, scores=s)), scores, prior)


def test_independent_edges_are_sigmoids(rng):
    t = traced(rng, Sigmoid(0.2))
    odds = 0.25 * np.exp(t.scores.numpy())
    np.testing.assert_allclose(t.weights.numpy(), odds / (1 + odds) * VALID[:, None, None], atol=1e-12)
    scores, mask = rng.normal(size=(1, 1, 3, 5)), rng.random((3, 5)) < 0.7
    gradcheck(lambda s: Sigmoid()(A.Trace(s, s, scores=s, mask=mask)), scores)


def test_brute_force_gives_softmax_and_sigmoid_attention(rng):
    scores, values = rng.normal(size=(6, 6)) * 2, rng.normal(size=(6, 2))
    one = structures.one_parent(scores, values)
    np.testing.assert_allclose(one, ops.softmax(Tensor(scores)).numpy() @ values, atol=1e-10)
    scores, values = rng.normal(size=(3, 5)) * 2, rng.normal(size=(5, 2))
    one, many = structures.one_parent(scores, values), structures.any_parents(scores, values)
    np.testing.assert_allclose(one, ops.softmax(Tensor(scores)).numpy() @ values, atol=1e-12)
    np.testing.assert_allclose(many, ops.sigmoid(Tensor(scores)).numpy() @ values, atol=1e-12)
    for function in (structures.one_parent, structures.any_parents):
        with pytest.raises(ArgumentError, match="graphs"):
            function(np.zeros((7, 7)), np.zeros((7, 1)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Marginal(0.5),
        lambda: geometric(1.0),
        lambda: Sigmoid(0),
        lambda: Expanding(0.0, steps=0),
        lambda: Expanding(0.0, a=-1),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ArgumentError):
        make()


def test_digamma_agrees_with_differences_of_log_gamma():
    for x in (0.3, 1.0, 2.5, 7.0, 300.0):
        eps = 1e-4 * x
        slope = (math.lgamma(x + eps) - math.lgamma(x - eps)) / (2 * eps)
        assert digamma(np.float64(x)) == pytest.approx(slope, rel=1e-6)
    assert digamma(np.float64(1.0)) == pytest.approx(-0.5772156649015329, abs=1e-10)


def kl(a, b, a0, b0):
    """KL(Beta(a, b), Beta(a0, b0))."""

    def log_beta(a, b):
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    psi, psi_both = digamma(np.array([a, b])), digamma(np.float64(a + b))
    away = (a - a0) * (psi[0] - psi_both) + (b - b0) * (psi[1] - psi_both)
    return log_beta(a0, b0) - log_beta(a, b) + away


@pytest.mark.parametrize("more", [False, True])
def test_the_evidence_bound_never_falls(rng, more):
    weights, distance = Expanding(1.3, a=0.7, b=2.0, steps=9), np.arange(1.0, 8.0)[None, ::-1]
    scores, width = rng.normal(size=(2, 3, 1, 7)) * 2, np.full((2, 3, 1, 1), 7.0)
    found = weights.infer(scores, distance, np.ones_like(scores, bool), width, width < 8 * more)
    bounds = []
    for belief in found:
        b = belief["b"]
        log_rho = digamma(np.full_like(b, 1.7)) - digamma(1.7 + b)
        loss = np.vectorize(lambda b: kl(1.7, b, 0.7, 2.0))(b)
        bounds.append(log_rho + belief["evidence"] - loss)
        assert np.allclose(belief["weights"].sum(-1, keepdims=True) + belief["beyond"], 1)
    assert (np.diff(bounds, axis=0) >= -1e-12).all() and (bounds[-1] > bounds[0] + 1e-3).all()


def test_a_prior_that_is_sure_is_a_fixed_slope(rng):
    sure = Expanding(0.0, a=3e9, b=7e9, first=99)
    seed = rng.integers(1000)
    one, two = (traced(np.random.default_rng(seed), w) for w in (sure, Marginal(geometric(0.3))))
    np.testing.assert_allclose(one.weights.numpy(), two.weights.numpy(), atol=1e-6)


def test_unseen_keys_that_weigh_much_open_the_window_and_light_ones_keep_it_shut(rng):
    seed, distance = rng.integers(1000), S + np.arange(T)[:, None] - np.arange(S)
    for unseen, extreme in ((-50.0, np.min), (50.0, np.max)):  # the nearest key, or the farthest
        t = traced(np.random.default_rng(seed), Expanding(unseen))
        reach = [[[[extreme(distance[i, seen])] for i in range(T)]] * H for seen in VALID]
        expected = 4 * 2 ** np.ceil(np.log2(np.maximum(reach, 4) / 4))
        np.testing.assert_array_equal(t.extra["window"], expected)
        allowed = VALID[:, None, None] & (distance <= expected)
        np.testing.assert_array_equal(t.weights.numpy() > 0, allowed)
        np.testing.assert_allclose(t.weights.numpy().sum(-1), 1, atol=1e-12)


def test_a_strong_key_nearby_stops_the_search(rng):
    scores = np.zeros((1, 1, 2, 16))
    scores[..., 0, 13] = scores[..., 1, 3] = 12.0  # at distance 3 and 13 of the queries
    t = A.Trace(None, None, scores=Tensor(scores), q_pos=np.array([16, 16]), k_pos=np.arange(16))
    weights = Expanding(7.0)(t).numpy()
    assert t.extra["window"][0, 0, :, 0].tolist() == [4, 16]
    assert weights[0, 0, 0, 13] > 0.99 and weights[0, 0, 1, 3] > 0.99


def test_the_gradient_of_expanding_is_softmax_with_rho_held(rng):
    scores = Tensor(rng.normal(size=(1, 1, 3, 8)) * 2, requires_grad=True)
    places = dict(q_pos=np.arange(3) + 8, k_pos=np.arange(8))
    weights, upstream = Expanding(0.5), rng.normal(size=(1, 1, 3, 8))
    out = weights(A.Trace(None, None, scores=scores, **places))
    (out * upstream).sum().backward()
    w = out.numpy()
    np.testing.assert_allclose(scores.grad, w * (upstream - (w * upstream).sum(-1, keepdims=True)))


def test_a_query_that_may_attend_nowhere_gathers_nothing():
    t = A.Trace(None, None, scores=Tensor(np.zeros((1, 1, 2, 3))), q_pos=np.arange(2), k_pos=np.arange(3))
    t.mask = np.array([[False] * 3, [True, False, False]])
    for weights in (Marginal(), Marginal(geometric(0.5)), Sigmoid(), Expanding(0.0)):
        found = weights(t).numpy()
        assert not found[0, 0, 0].any() and found[0, 0, 1, 0] > 0 and not found[..., 1:].any()


def test_no_weight_depends_on_a_later_token(rng):
    for weights in (Marginal(geometric(0.3)), Sigmoid(), Expanding(0.2, first=1)):
        attention = A.multi_head(H * D, H, rng=rng, weights=weights, masks=[A.Causal()])
        x = rng.normal(size=(B, S, H * D))
        before = attention(x).numpy()
        x[:, 7:] += 1
        np.testing.assert_array_equal(attention(x).numpy()[:, :7], before[:, :7])
        with no_grad():
            cache = A.KVCache()
            steps = [attention(x[:, i : i + 1], cache=cache).numpy() for i in range(S)]
        np.testing.assert_allclose(np.concatenate(steps, axis=1), attention(x).numpy(), atol=1e-10)


def test_the_slope_of_the_energy_is_a_read_and_reading_goes_downhill(rng):
    keys, x = rng.normal(size=(2, 7, 5)), rng.normal(size=(2, 3, 5))
    gradcheck(lambda x, keys: hopfield.energy(x, keys, 1.7), x, keys)
    leaf = Tensor(x, requires_grad=True)
    hopfield.energy(leaf, keys, 1.7).sum().backward()
    states = [state.numpy() for state in hopfield.settle(x, keys, 1.7, 8)]
    np.testing.assert_allclose(x - leaf.grad, states[1], atol=1e-12)
    energies = np.array([hopfield.energy(state, keys, 1.7).numpy() for state in states])
    assert (np.diff(energies, axis=0) <= 1e-12).all() and (energies[-1] < energies[0]).all()
