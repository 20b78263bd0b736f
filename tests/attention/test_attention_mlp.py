"""Scores by a network: what they equal, what they can express, and their gradients."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, precision
from minattn.attention.scores import MLP
from minattn.autodiff import as_tensor, ops
from minattn.errors import ArgumentError, ShapeError

B, H, T, S, D, P = 2, 3, 5, 7, 6, 4


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def record_of(rng, d_key=D):
    return A.Trace(
        None,
        None,
        q=as_tensor(rng.normal(size=(B, H, T, D))),
        k=as_tensor(rng.normal(size=(B, H, S, d_key))),
    )


def moved(score, rng):
    for parameter in score.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    return score


def test_one_hidden_layer_with_tanh_is_additive(rng):
    score, additive = MLP(D, 11, (13,), act=ops.tanh, rng=rng), A.Additive(D, 11, 13, rng=rng)
    additive.w.data, additive.u.data = score.w_q.weight.data.T[None], score.w_k.weight.data.T[None]
    additive.v.data, t = score.layers[0].weight.data.T[None], record_of(rng, 11)
    np.testing.assert_allclose(score(t).data, additive(t).data, atol=1e-12)


def test_each_pair_by_hand(rng):
    score, t = moved(MLP(D, D, (P, 2), d_low=3, rng=rng), rng), record_of(rng)
    (w_2, w_3), scores = score.layers, score(t).data
    for b, h, i, j in np.ndindex(B, H, T, S):
        low_q = score.low_q.weight.data @ t.q.data[b, h, i] + score.low_q.bias.data
        low_k = score.low_k.weight.data @ t.k.data[b, h, j] + score.low_k.bias.data
        w_1 = np.concatenate([score.w_q.weight.data, score.w_k.weight.data], axis=1)
        x = np.maximum(w_1 @ np.concatenate([low_q, low_k]) + score.w_q.bias.data, 0)
        x = np.maximum(w_2.weight.data @ x + w_2.bias.data, 0)
        np.testing.assert_allclose(scores[b, h, i, j], (w_3.weight.data @ x + w_3.bias.data)[0], atol=1e-12)


@pytest.mark.parametrize("tile", [1, 2, 5, 11])
def test_tile_by_tile_is_all_at_once(rng, tile):
    score, t = moved(MLP(D, D, (P, 2), rng=rng), rng), record_of(rng)
    dense, score.tile = score(t).data, tile
    np.testing.assert_allclose(score(t).data, dense, atol=1e-12)


def test_set_by_hand_it_finds_the_nearest_number(rng):
    score = MLP(1, 1, (2,), rng=rng)
    score.w_q.weight.data[:], score.w_k.weight.data[:] = [[1], [-1]], [[-1], [1]]
    score.layers[0].weight.data[:] = -3
    q, k = rng.uniform(-1, 1, (1, 1, 101, 1)), rng.uniform(-1, 1, (1, 1, 17, 1))
    found = score(A.Trace(None, None, q=as_tensor(q), k=as_tensor(k))).data[0, 0]
    np.testing.assert_allclose(found, -3 * np.abs(q[0, 0] - k[0, 0].T), atol=1e-12)


def test_its_matrix_of_scores_has_a_higher_rank_than_a_product(rng):
    q, k = (as_tensor(rng.normal(size=(1, 1, 23, 2))) for _ in range(2))
    t = A.Trace(None, None, q=q, k=k)
    assert np.linalg.matrix_rank(A.ScaledDot()(t).data[0, 0]) == 2
    assert np.linalg.matrix_rank(moved(MLP(2, 2, (8, 4), rng=rng), rng)(t).data[0, 0]) > 2


def test_the_last_bias_has_no_gradient_behind_a_softmax(rng):
    attention = A.multi_head(H * D, H, rng=rng, score=MLP(D, D, (P, 2), rng=rng), masks=[A.Causal()])
    attention(rng.normal(size=(B, T, H * D))).sum().backward()
    gradients = {name: np.abs(p.grad).max() for name, p in attention.score.named_parameters()}
    assert gradients.pop("layers.1.bias") < 1e-12
    assert min(gradients.values()) > 1e-6


def test_gradients(rng):
    score = moved(MLP(3, 2, (P, 2), act=ops.tanh, d_low=2, tile=2, rng=rng), rng)
    names = [name for name, _ in score.named_parameters()]

    def scores(q, k, *values):
        parts = dict(score.named_modules())
        for name, value in zip(names, values):
            path, _, last = name.rpartition(".")
            setattr(parts[path], last, value)
        return score(A.Trace(None, None, q=q, k=k))

    values = [p.data for _, p in score.named_parameters()]
    gradcheck(scores, rng.normal(size=(1, 2, 3, 3)), rng.normal(size=(1, 2, 5, 2)), *values)


def test_a_later_token_changes_no_earlier_row(rng):
    attention = A.multi_head(H * D, H, rng=rng, score=MLP(D, D, (P,), rng=rng), masks=[A.Causal()])
    x = rng.normal(size=(B, T, H * D))
    before = attention(x).data
    x[:, 3:] = rng.normal(size=x[:, 3:].shape)
    np.testing.assert_array_equal(attention(x).data[:, :3], before[:, :3])


@pytest.mark.parametrize("hidden", [(), 8, (8, 0)])
def test_bad_widths(rng, hidden):
    with pytest.raises(ArgumentError):
        MLP(D, D, hidden, rng=rng)


def test_bad_lengths(rng):
    with pytest.raises(ShapeError):
        MLP(D, D, (P,), rng=rng)(record_of(rng, 11))
    with pytest.raises(ArgumentError, match="d_query"):
        A.multi_head(H * D, H, rng=rng, score=MLP(D + 1, D, (P,), rng=rng))
