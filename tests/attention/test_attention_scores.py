"""Each score against its equation, one pair of query and key at a time."""

import math

import numpy as np
import pytest

from minattn import attention as A
from minattn import precision

B, T, S, H, D = 2, 3, 5, 4, 7


def record_of(rng, d_query=D, d_key=D, heads=H):
    """A record with just q and k."""
    q, k = rng.normal(size=(B, heads, T, d_query)), rng.normal(size=(B, heads, S, d_key))
    t = A.Trace(None, None)
    with precision(64):
        t.q, t.k = (A.anatomy.as_tensor(a) for a in (q, k))
    return t, q, k


def each_pair(rule, q, k):
    out = np.zeros((*q.shape[:3], k.shape[2]))
    for b, h, i, j in np.ndindex(out.shape):
        out[b, h, i, j] = rule(q[b, h, i], k[b, h, j], h)
    return out


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def test_dot_and_scaled_dot(rng):
    t, q, k = record_of(rng)
    np.testing.assert_allclose(A.Dot()(t).numpy(), each_pair(lambda q, k, h: q @ k, q, k))
    scaled = each_pair(lambda q, k, h: q @ k / math.sqrt(D), q, k)
    np.testing.assert_allclose(A.ScaledDot()(t).numpy(), scaled)


def test_scaled_dot_keeps_the_variance_at_one(rng):
    t = A.Trace(None, None)
    for d in (3, 300):
        t.q, t.k = (A.anatomy.as_tensor(rng.normal(size=(1, 1, 200, d))) for _ in range(2))
        assert abs(A.ScaledDot()(t).numpy().var() - 1) < 0.1


@pytest.mark.parametrize("n_heads", [1, H])
def test_general(rng, n_heads):
    score = A.General(D, 11, rng=rng, n_heads=n_heads)
    t, q, k = record_of(rng, d_key=11)
    w = score.w_a.data
    np.testing.assert_allclose(score(t).numpy(), each_pair(lambda q, k, h: q @ w[h % n_heads] @ k, q, k))


def test_general_with_the_identity_is_dot_and_starts_near_it(rng):
    score, (t, *_) = A.General(D, D, rng=rng), record_of(rng)
    assert np.abs(score.w_a.data - np.eye(D)).max() < 0.05
    score.w_a.data[:] = np.eye(D)
    np.testing.assert_allclose(score(t).numpy(), A.Dot()(t).numpy())


@pytest.mark.parametrize("n_heads", [1, H])
def test_additive(rng, n_heads):
    score = A.Additive(D, 11, 13, rng=rng, n_heads=n_heads)
    t, q, k = record_of(rng, d_key=11)

    def rule(q, k, h):
        h = h % n_heads
        return np.tanh(q @ score.w.data[h] + k @ score.u.data[h]) @ score.v.data[h, :, 0]

    np.testing.assert_allclose(score(t).numpy(), each_pair(rule, q, k))


def test_concat_puts_query_and_key_side_by_side(rng):
    score = A.Concat(D, 11, 13, rng=rng)
    t, q, k = record_of(rng, d_key=11)

    def rule(q, k, h):
        return score.v_a.data[:, 0] @ np.tanh(score.w_a.data @ np.concatenate([q, k]))

    np.testing.assert_allclose(score(t).numpy(), each_pair(rule, q, k))


def test_concat_is_additive_with_one_matrix(rng):
    concat, additive = A.Concat(D, D, 13, rng=rng), A.Additive(D, D, 13, rng=rng)
    additive.w.data = concat.w_a.data[:, :D].T[None]
    additive.u.data = concat.w_a.data[:, D:].T[None]
    additive.v.data = concat.v_a.data[None]
    t, *_ = record_of(rng)
    np.testing.assert_allclose(concat(t).numpy(), additive(t).numpy())


def test_location_never_reads_the_keys(rng):
    score = A.Location(D, 11, rng=rng)
    t, q, _ = record_of(rng, d_key=2)
    before = score(t).numpy()
    np.testing.assert_allclose(before, (q @ score.w_a.data)[..., :S])
    t.k = A.anatomy.as_tensor(rng.normal(size=t.k.shape))
    np.testing.assert_array_equal(score(t).numpy(), before)


def test_start_values_of_stacked_networks_do_not_depend_on_the_number_of_heads(rng):
    bound = math.sqrt(6 / (30 + 70))
    for n_heads in (1, 5):
        score = A.Additive(30, 30, 70, rng=rng, n_heads=n_heads)
        for weight in (score.w.data, score.u.data):
            assert 0.95 * bound < np.abs(weight).max() <= bound
        assert np.abs(score.v.data).max() <= 1 / math.sqrt(70)
