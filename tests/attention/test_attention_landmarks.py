"""Landmarks: softmax in groups, and blocks that are found by their landmarks."""

import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, precision
from minattn import attention as A
from minattn.attention.masks import LandmarkTopK
from minattn.attention.weights import GroupedSoftmax
from minattn.errors import ArgumentError

B, H, D, BLOCK = 2, 3, 4, 3
N = BLOCK + 1
T = 4 * N + 2  # the last block is not full


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def by_the_row(scores, seen, q_pos, k_pos):
    """Groups and their softmax, one query at a time, as the paper writes them. scores, seen (T,S)."""
    out, seen = np.zeros(scores.shape), seen.copy()
    last = k_pos // N * N + BLOCK  # the landmark of each key's block
    for j in np.flatnonzero(k_pos == last):  # a landmark whose tokens are all hidden counts for nothing
        seen[:, j] &= (seen & (last == k_pos[j]) & (k_pos != last)).any(1)
    for i, place in enumerate(q_pos):
        own = place // N * N + BLOCK
        group = np.where(k_pos != last, last, np.where(k_pos == own, -1, own))
        s = np.zeros(len(k_pos))
        for g in set(group[seen[i]]) - {-1}:
            members = seen[i] & (group == g)
            e = np.exp(scores[i][members] - scores[i][members].max())
            s[members] = e / e.sum()
        for j in np.flatnonzero(seen[i] & (k_pos != last)):
            gate = s[k_pos == last[j]]
            out[i, j] = s[j] if last[j] == own else s[j] * (gate[0] if len(gate) else 0)
    return out


def attention(rng, *masks, causal=True):
    masks = [A.Causal(), *masks] if causal else list(masks)
    return A.multi_head(H * D, H, rng=rng, weights=GroupedSoftmax(BLOCK), masks=masks)


def compared(t):
    seen = np.broadcast_to(t.mask, t.scores.shape)
    for b, h in np.ndindex(B, H):
        expected = by_the_row(t.scores.numpy()[b, h], seen[b, h], t.q_pos, t.k_pos)
        np.testing.assert_allclose(t.weights.numpy()[b, h], expected, atol=1e-12)


@pytest.mark.parametrize("masks", [(), (LandmarkTopK(BLOCK, 1),), (A.Window(6),)], ids=["all", "1", "near"])
def test_equals_a_loop_over_groups(rng, masks):
    compared(attention(rng, *masks).trace(rng.normal(size=(B, T, H * D)) * 3))


@pytest.mark.parametrize("start", [T, 5])
def test_queries_at_the_end_of_a_context_and_keys_that_start_inside_a_block(rng, start):
    x, context = rng.normal(size=(B, 2, H * D)), rng.normal(size=(B, T, H * D))
    compared(attention(rng).trace(x, context, start=start))
    t = A.Trace(Tensor(x), Tensor(context), offset=3, q_pos=np.arange(9, 12), k_pos=np.arange(6, 16))
    t.scores, t.mask = Tensor(rng.normal(size=(B, H, 3, 10))), np.ones((3, 10), bool)
    t.weights = GroupedSoftmax(BLOCK)(t)
    compared(t)


def test_rows_sum_to_one_and_landmarks_get_nothing(rng):
    weights = attention(rng).trace(rng.normal(size=(B, T, H * D)) * 3).weights.numpy()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-12)
    assert not weights[..., np.arange(T) % N == BLOCK].any()
    tokens = np.tri(T, dtype=bool) & (np.arange(T) % N != BLOCK)
    assert (weights[..., tokens] > 0).all()


def test_without_a_landmark_it_is_softmax(rng):
    x = rng.normal(size=(B, T, H * D))
    one, two = (
        A.multi_head(H * D, H, rng=np.random.default_rng(0), weights=w, masks=[A.Causal()]).trace(x)
        for w in (GroupedSoftmax(T), A.Softmax())
    )
    np.testing.assert_allclose(one.weights.numpy(), two.weights.numpy(), atol=1e-12)


def weighed(scores, q_pos):
    """Weights of a text of 3 blocks without projections."""
    t = A.Trace(None, None, offset=0, q_pos=q_pos, k_pos=np.arange(3 * N))
    t.scores, t.mask = scores, t.k_pos <= q_pos[:, None]
    return GroupedSoftmax(BLOCK)(t)


def test_a_landmark_shuts_its_block_and_the_own_landmark_counts_for_nothing(rng):
    q_pos = np.array([2 * N, 3 * N - 1])  # the first token of the last block, and its landmark
    scores = rng.normal(size=(1, 1, 2, 3 * N))
    shut = scores.copy()
    shut[..., BLOCK] = -1e9
    weights = weighed(Tensor(shut), q_pos).numpy()
    assert not weights[..., :N].any() and weights[..., N : N + BLOCK].all()
    leaf = Tensor(scores, requires_grad=True)
    (weighed(leaf, q_pos) * rng.normal(size=scores.shape)).sum().backward()
    assert leaf.grad[..., [BLOCK, N + BLOCK]].all() and not leaf.grad[..., -1].any()
    gradcheck(lambda s: weighed(s, q_pos), scores)


def test_huge_scores_do_not_overflow():
    scores = np.zeros((1, 1, 1, 3 * N))
    scores[..., 1], scores[..., BLOCK] = -900.0, 900.0
    weights = weighed(Tensor(scores), np.array([2 * N])).numpy()
    np.testing.assert_allclose(weights[0, 0, 0, :3], [0.5, 0, 0.5], atol=1e-12)


def test_no_weight_depends_on_a_later_token(rng):
    for masks in ((), (LandmarkTopK(BLOCK, 1),)):
        model, x = attention(rng, *masks), rng.normal(size=(B, T, H * D))
        before = model(x).numpy()
        for i in (N - 1, N, T - 2):  # a landmark, the token behind it, one of the last block
            other = x.copy()
            other[:, i:] += rng.normal(size=(B, T - i, H * D))
            np.testing.assert_allclose(model(other).numpy()[:, :i], before[:, :i], atol=1e-12)


@pytest.mark.parametrize("masks", [(), (LandmarkTopK(BLOCK, 9),), (LandmarkTopK(BLOCK, 1),)])
def test_chunks_through_a_cache_equal_the_whole(rng, masks):
    model, x = attention(rng, *masks), rng.normal(size=(B, T, H * D))
    with no_grad():
        for size in (1, 5):
            cache = A.KVCache()
            parts = [model(x[:, i : i + size], cache=cache).numpy() for i in range(0, T, size)]
            np.testing.assert_allclose(np.concatenate(parts, axis=1), model(x).numpy(), atol=1e-12)


def test_all_blocks_are_the_same_as_no_choice_and_one_block_is_the_best_landmark(rng):
    x = rng.normal(size=(B, T, H * D))
    whole, every, one = (
        attention(np.random.default_rng(0), *masks).trace(x)
        for masks in ((), (LandmarkTopK(BLOCK, 4),), (LandmarkTopK(BLOCK, 1),))
    )
    np.testing.assert_array_equal(whole.out.numpy(), every.out.numpy())
    seen, scores = one.mask[:, :, -1], one.scores.numpy()[:, :, -1, BLOCK::N]
    best = scores.argmax(-1)
    blocks = np.arange(T) // N
    np.testing.assert_array_equal(seen, (blocks == best[..., None]) | (blocks == 4))


def test_padding_is_not_fetched(rng):
    x, valid = rng.normal(size=(B, T, H * D)), np.ones((B, T), bool)
    valid[0, N : 2 * N] = False
    t = attention(rng, LandmarkTopK(BLOCK, 9)).trace(x, valid=valid)
    assert not t.weights.numpy()[0, ..., N : 2 * N].any()
    np.testing.assert_allclose(t.weights.numpy()[:, :, 2 * N :].sum(-1), 1, atol=1e-12)
    compared(t)


def test_keys_that_move_are_refused(rng):
    t = A.Trace(None, None, q_pos=np.arange(3), k_pos=np.array([0, 1, 5]))
    t.scores = Tensor(np.zeros((1, 1, 3, 3)))
    with pytest.raises(ArgumentError, match="go up by 1"):
        GroupedSoftmax(BLOCK)(t)
    with pytest.raises(ArgumentError):
        GroupedSoftmax(0)
    with pytest.raises(ArgumentError):
        LandmarkTopK(BLOCK, -1)
