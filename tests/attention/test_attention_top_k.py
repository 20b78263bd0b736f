"""Hard attention to the k best keys."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, no_grad, precision
from minattn.errors import ArgumentError

B, T, S, H, D = 2, 5, 7, 3, 4
M = H * D


def traced(rng, weights, **given):
    attention = A.multi_head(M, H, rng=rng, weights=weights, masks=given.pop("masks", ()))
    x = rng.normal(size=(B, T, M)) * 2
    return attention.trace(x, None if attention.masks else rng.normal(size=(B, S, M)), **given)


def pair(one, other, **given):
    return (traced(np.random.default_rng(3), weights, **given) for weights in (one, other))


@pytest.mark.parametrize("k", [S, S + 2])
def test_all_keys_are_softmax(k):
    for given in ({}, {"valid": np.array([[True] * 4 + [False] * 3, [False] * S])}):
        ours, softmax = pair(A.TopK(k), A.Softmax(), **given)
        np.testing.assert_array_equal(ours.weights.numpy(), softmax.weights.numpy())


def test_one_key_is_the_best_one():
    ours, softmax = pair(A.TopK(1), A.Softmax())
    best = softmax.scores.numpy().argmax(-1)
    np.testing.assert_array_equal(ours.weights.numpy(), np.eye(S)[best])


@pytest.mark.parametrize("k", [1, 2, 5])
def test_rows_have_k_weights_or_as_many_as_they_see_and_sum_to_one(k):
    weights = traced(np.random.default_rng(3), A.TopK(k), masks=[A.Causal()]).weights.numpy()
    seen = np.minimum(k, np.arange(1, T + 1))
    assert ((weights > 0).sum(-1) == seen).all() and np.allclose(weights.sum(-1), 1, atol=1e-6)
    assert not weights[..., ~np.tri(T, dtype=bool)].any()


def test_survivors_keep_their_proportions_and_are_the_largest():
    ours, softmax = pair(A.TopK(3), A.Softmax())
    kept, full = ours.weights.numpy() > 0, softmax.weights.numpy()
    np.testing.assert_allclose(
        ours.weights.numpy(),
        np.where(kept, full, 0) / np.where(kept, full, 0).sum(-1, keepdims=True),
        atol=1e-6,
    )
    assert (np.where(kept, full, 1).min(-1) >= np.where(kept, 0, full).max(-1)).all()


def test_of_equal_scores_the_earlier_key_stays():
    t = A.Trace(None, None, scores=np.array([[1.0, 3.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0]]))
    assert (A.TopK(2)(t).numpy() > 0).tolist() == [[False, True, True, False], [True, True, False, False]]


def test_it_wraps_other_weights():
    ours, sparse = pair(A.TopK(S, A.Sparsemax()), A.Sparsemax())
    np.testing.assert_array_equal(ours.weights.numpy(), sparse.weights.numpy())
    assert A.TopK(2, A.ReLU()).sums_to_one is False and A.TopK(2).sums_to_one
    rela = A.TopK(2, A.ReLA(M))
    heads = np.random.default_rng(0).normal(size=(B, H, T, D))
    np.testing.assert_array_equal(rela.finish(heads).numpy(), rela.weights.finish(heads).numpy())


def test_gradients():
    with precision(64):
        rng = np.random.default_rng(3)
        attention = A.multi_head(M, H, rng=rng, weights=A.TopK(2), masks=[A.Causal()])
        x = rng.normal(size=(B, T, M)) * 2
        gradcheck(lambda x: attention(x), x, most=40)
        t = attention.trace(x)
        (t.weights * rng.normal(size=t.weights.shape)).sum().backward()
        assert all(
            p.grad is not None for p in (attention.projection.w_q.weight, attention.projection.w_k.weight)
        )


def test_a_later_token_changes_nothing_before_it_and_a_cache_gives_the_same():
    rng = np.random.default_rng(3)
    attention = A.multi_head(M, H, rng=rng, weights=A.TopK(2), masks=[A.Causal()])
    x = rng.normal(size=(B, T, M)).astype(np.float32)
    full, other = attention(x).numpy(), x.copy()
    other[:, 3] += 1
    np.testing.assert_array_equal(attention(other).numpy()[:, :3], full[:, :3])
    cache = A.KVCache()
    with no_grad():
        steps = [attention(x[:, t : t + 1], cache=cache).numpy() for t in range(T)]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), full, atol=1e-5)


def test_k_must_be_a_number_of_keys():
    with pytest.raises(ArgumentError):
        A.TopK(0)
