"""Heads of any length, and heads of low rank that gather whole values."""

import numpy as np
import pytest
from slot_gradients import check_gradients

from minattn import Tensor, no_grad, precision
from minattn import attention as A
from minattn.attention.projections import FreeHeads, WholeValues
from minattn.errors import ArgumentError, ShapeError

B, T, S, M, H, D = 2, 5, 7, 6, 3, 4


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def moved(projection, rng):
    for parameter in projection.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    return projection


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_free_heads_of_the_usual_length_are_multi_head(rng):
    free, whole = FreeHeads(M, H, M // H, rng=rng), A.MultiHead(M, H, rng=rng)
    whole.load_state_dict(free.state_dict())
    x, context = rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    one, two = (A.Attention(p)(x, context).numpy() for p in (free, whole))
    np.testing.assert_array_equal(one, two)


def test_free_heads_decode_with_a_cache(rng):
    attention, x = A.Attention(FreeHeads(M, H, D, rng=rng), masks=[A.Causal()]), rng.normal(size=(B, T, M))
    cache = A.KVCache()
    with no_grad():
        steps = [attention(x[:, t : t + 1], cache=cache).numpy() for t in range(T)]
        np.testing.assert_allclose(np.concatenate(steps, axis=1), attention(x).numpy(), atol=1e-12)
    assert cache.floats() == 2 * B * H * T * D


def test_sizes_do_not_depend_on_each_other(rng):
    assert FreeHeads(M, H, D, rng=rng, bias=False).n_parameters() == 4 * M * H * D
    assert WholeValues(M, H, D, rng=rng).n_parameters() == 2 * M * H * D + H * M * M + H


def test_whole_values_are_the_sum_over_heads_of_the_equation(rng):
    p = moved(WholeValues(M, H, D, rng=rng), rng)
    x, context = rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    expected = np.zeros((B, T, M))
    for h in range(H):
        rows = slice(h * D, (h + 1) * D)
        form = p.w_k.weight.data[rows].T @ p.w_q.weight.data[rows]
        np.testing.assert_allclose(p.form(h), form)
        weights = softmax(np.einsum("bsm,mn,btn->bts", context, form, x))
        expected += weights @ context @ (p.share.data[h] * np.eye(M) + p.w_v.data[h])
    for run in (
        A.Attention(p, score=A.Dot()),
        lambda *given: A.Attention(p, score=A.Dot()).trace(*given).out,
    ):
        np.testing.assert_allclose(run(x, context).numpy(), expected, atol=1e-12)


def test_whole_values_start_as_the_mean_over_heads(rng):
    p, heads = WholeValues(M, H, D, rng=rng), rng.normal(size=(B, H, T, M))
    np.testing.assert_allclose(p.merge(Tensor(heads)).numpy(), heads.mean(axis=1))


@pytest.mark.parametrize("kind", [FreeHeads, WholeValues])
def test_gradients_of_the_inputs_and_of_every_parameter(rng, kind):
    attention = A.Attention(moved(kind(M, 2, 3, rng=rng), rng), score=A.Dot())
    check_gradients(attention, rng.normal(size=(1, 2, M)), rng.normal(size=(1, 3, M)))


@pytest.mark.parametrize("kind", [FreeHeads, WholeValues])
def test_bad_sizes_and_widths(rng, kind):
    with pytest.raises(ArgumentError):
        kind(M, H, 0, rng=rng)
    with pytest.raises(ShapeError):
        A.Attention(kind(M, H, D, rng=rng))(np.ones((B, T, M)), np.ones((B, S, M + 1)))
