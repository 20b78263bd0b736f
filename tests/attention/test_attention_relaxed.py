"""Relaxed weights: a share for every allowed key."""

import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, ops, precision
from minattn import attention as A
from minattn.attention.weights import ReLA, Relaxed, ReLU, Softmax, Sparsemax
from minattn.errors import ArgumentError, DTypeError

B, T, S, H, D = 2, 5, 7, 3, 4
VALID = np.array([[True] * 4 + [False] * 3, [False] * S])


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def traced(weights, valid=None, seed=4):
    rng = np.random.default_rng(seed)
    attention = A.multi_head(H * D, H, rng=rng, weights=weights)
    return attention.trace(rng.normal(size=(B, T, H * D)) * 2, rng.normal(size=(B, S, H * D)), valid=valid)


def entropy(w):
    return -(w * np.log(np.where(w > 0, w, 1))).sum(-1)


@pytest.mark.parametrize("valid", [None, VALID], ids=["all", "padded"])
@pytest.mark.parametrize("gamma", [0, 0.3, 1])
def test_every_allowed_key_has_its_share_and_a_masked_one_nothing(gamma, valid):
    plain, t = traced(Softmax(), valid).weights.numpy(), traced(Relaxed(Softmax(), gamma), valid)
    relaxed, seen = t.weights.numpy(), np.ones((B, S), bool) if valid is None else valid
    seen = np.broadcast_to(seen[:, None, None], relaxed.shape)
    n = np.maximum(seen.sum(-1, keepdims=True), 1)
    np.testing.assert_allclose(relaxed, (1 - gamma) * plain + gamma * seen / n, atol=1e-15)
    assert not relaxed[~seen].any()
    np.testing.assert_allclose(relaxed.sum(-1), seen.any(-1), atol=1e-12)
    assert (relaxed <= 1 - gamma + gamma / n + 1e-12).all()
    assert (entropy(relaxed) >= entropy(plain) - 1e-12).all()
    if gamma == 0:
        np.testing.assert_array_equal(relaxed, plain)
    if gamma == 1:
        np.testing.assert_array_equal(relaxed, seen / n)


def test_gathers_a_mixture_of_attention_and_the_mean_of_allowed_values():
    plain, relaxed = (traced(w, VALID) for w in (Softmax(), Relaxed(Softmax(), 0.3)))
    mean = plain.v.numpy()[:1, :, :4].mean(2, keepdims=True)
    expected = 0.7 * plain.heads.numpy()[:1] + 0.3 * mean
    np.testing.assert_allclose(relaxed.heads.numpy()[:1], expected, atol=1e-12)


def test_training_only_unless_matched():
    plain = traced(Softmax()).weights.numpy()
    off, on = (traced(Relaxed(Softmax(), 0.3, matched=matched).eval()) for matched in (False, True))
    np.testing.assert_array_equal(off.weights.numpy(), plain)
    np.testing.assert_allclose(on.weights.numpy(), 0.7 * plain + 0.3 / S, atol=1e-15)


def test_the_gradient_of_the_scores_is_that_of_softmax_times_what_is_left():
    rng = np.random.default_rng(0)
    scores, upstream = rng.normal(size=(1, 2, 3, 5)), rng.normal(size=(1, 2, 3, 5))
    mask = rng.random((3, 5)) < 0.7

    def weights(s):
        return Relaxed(Softmax(), 0.3)(A.Trace(s, s, scores=s, mask=mask))

    gradcheck(weights, scores)
    one, two = (Tensor(scores, requires_grad=True) for _ in range(2))
    (weights(one) * upstream).sum().backward()
    (ops.softmax(two, mask) * upstream).sum().backward()
    np.testing.assert_allclose(one.grad, 0.7 * two.grad, atol=1e-15)


def test_a_fuzzy_gamma_is_drawn_anew_in_training_and_clipped():
    weights = Relaxed(Softmax(), 0.2, matched=True, fuzzy=0.3, rng=np.random.default_rng(5))
    drawn = np.array([weights.now for _ in range(2000)])
    assert drawn.min() == 0 and drawn.max() <= 1 and len(set(drawn)) > 1000
    inside = drawn[drawn > 0]
    assert 0.2 < (drawn == 0).mean() < 0.3 and abs(np.median(drawn) - 0.2) < 0.03 and inside.max() > 0.8
    assert weights.eval().now == 0.2


def test_other_weights_are_relaxed_as_well_and_keep_their_last_step():
    for inner in (Sparsemax(), ReLU(), ReLA(H * D), Relaxed(Softmax(), 0.5)):
        plain, relaxed = traced(inner), traced(Relaxed(inner, 0.3))
        expected = 0.7 * plain.weights.numpy() + 0.3 / S
        np.testing.assert_allclose(relaxed.weights.numpy(), expected, atol=1e-12)
        assert Relaxed(inner, 0.3).sums_to_one is inner.sums_to_one
        np.testing.assert_array_equal(
            inner.finish(plain.heads).numpy(), Relaxed(inner, 0.3).finish(plain.heads).numpy()
        )


def test_no_weight_depends_on_a_later_token_and_steps_equal_the_whole():
    rng = np.random.default_rng(1)
    attention = A.multi_head(
        H * D, H, rng=rng, weights=Relaxed(Softmax(), 0.4, matched=True), masks=[A.Causal()]
    )
    x = rng.normal(size=(B, S, H * D))
    with no_grad():
        whole, cache = attention(x).numpy(), A.KVCache()
        steps = [attention(x[:, i : i + 1], cache=cache).numpy() for i in range(S)]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), whole, atol=1e-12)


def test_bad_settings_are_refused():
    for bad in (dict(inner=0.3, gamma=0.3), dict(inner=Softmax(), gamma=1.1)):
        with pytest.raises(ArgumentError, match="Relaxed"):
            Relaxed(**bad)
    with pytest.raises((ArgumentError, DTypeError)):
        Relaxed(Softmax(), 0.3, fuzzy=0.1)
