"""Scores that grow with the log of the number of keys."""

import numpy as np
import pytest
from slot_gradients import check_gradients

from minattn import attention as A
from minattn import no_grad, precision
from minattn.attention.scores import SSMax

B, T, H, D = 2, 7, 3, 4


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def attention(rng, score):
    return A.multi_head(H * D, H, rng=rng, score=score, masks=[A.Causal()])


@pytest.mark.parametrize("padded", [False, True])
def test_scores_are_multiplied_by_the_log_of_the_real_keys_so_far(rng, padded):
    valid = np.ones((B, T), dtype=bool)
    valid[1, [0, 3]] = not padded
    x, score = rng.normal(size=(B, T, H * D)), SSMax(H)
    score.gain.data = rng.normal(size=(H, 1, 1))
    t = attention(rng, score).trace(x, valid=valid)
    plain = A.ScaledDot()(t).numpy()
    for b, h, i in np.ndindex(B, H, T):
        n = max(valid[b, : i + 1].sum(), 1)
        np.testing.assert_allclose(
            t.scores.numpy()[b, h, i], plain[b, h, i] * score.gain.data[h, 0] * np.log(n)
        )


def test_any_score_can_be_wrapped(rng):
    general = A.General(D, D, rng=rng, n_heads=H)
    t = attention(rng, SSMax(H, general)).trace(rng.normal(size=(B, T, H * D)))
    grown = np.log(np.arange(1, T + 1))[:, None]
    np.testing.assert_allclose(t.scores.numpy(), general(t).numpy() * grown)


def test_a_lead_of_the_right_key_holds_at_every_length():
    """With softmax its weight falls as 1 / n, with a gain of 1 and a lead of 1 it is n / (n + n - 1)."""
    for n in (11, 101, 1001):
        x = np.zeros((1, n, 1))
        x[0, [3, -1]] = 1.0
        t = A.Attention(A.Identity(), score=SSMax(1, A.Dot()), masks=[A.Causal()]).trace(x)
        weights = t.weights.numpy()[0, 0, -1]
        np.testing.assert_allclose(weights[3], n / (2 * n + n - 2))


def test_decoding_with_a_cache_counts_the_keys_of_the_cache(rng):
    one, x, cache = attention(rng, SSMax(H)), rng.normal(size=(B, T, H * D)), A.KVCache()
    with no_grad():
        steps = [one(x[:, t : t + 1], cache=cache).numpy() for t in range(T)]
        np.testing.assert_allclose(np.concatenate(steps, axis=1), one(x).numpy(), atol=1e-12)


def test_gradients(rng):
    check_gradients(attention(rng, SSMax(H)), rng.normal(size=(1, 5, H * D)))
