"""Persistent vectors: one softmax with the text, no place, a feed-forward block's parameters."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import no_grad, precision
from minattn.attention.memory import PersistentKV
from minattn.autodiff import gradcheck
from minattn.errors import ArgumentError
from minattn.nn import FeedForward

B, T, H, D, N = 3, 7, 4, 6, 5
M = H * D


def build(rng, n=N, heads=H, **slots):
    slots = {"masks": [A.Causal()], "positions": [A.Rotary(D), A.ALiBi(H)]} | slots
    return A.multi_head(M, H, rng=rng, memory=PersistentKV(n, heads, D, rng=rng), **slots)


def without(attention):
    return A.Attention(attention.projection, masks=attention.masks, positions=attention.positions)


def test_no_slots_are_plain_attention(rng):
    attention, x = build(rng, n=0), rng.normal(size=(B, T, M))
    with precision(64):
        for run in (attention.forward, lambda x: attention.trace(x).out):
            np.testing.assert_allclose(run(x).data, without(attention)(x).data, atol=1e-6)


def test_slots_that_no_query_likes_change_nothing(rng):
    attention, x = build(rng, positions=[]), rng.normal(size=(B, T, M))
    attention.projection.w_q.weight.data[:] = 0
    attention.projection.w_q.bias.data[:] = 1
    attention.memory.keys.data[:] = -1e4
    np.testing.assert_allclose(attention(x).data, without(attention)(x).data, atol=1e-6)


def test_the_softmax_is_one_and_sees_slots_everywhere(rng):
    attention, nothing = build(rng, masks=[A.Causal(), A.Window(1)]), np.zeros((B, T), dtype=bool)
    t = attention.trace(rng.normal(size=(B, T, M)), valid=nothing)
    assert t.weights.shape == (B, H, T, N + T) and t.k_pos.shape == (T,)
    np.testing.assert_allclose(t.weights.data[..., :N].sum(-1), 1, rtol=1e-6)
    assert not t.weights.data[..., N:].any() and t.mask[..., :N].all()


def test_the_formula_of_one_query(rng):
    attention, x = build(rng, positions=[]), rng.normal(size=(B, T, M))
    t, memory = attention.trace(x), attention.memory
    keys = np.concatenate([memory.keys.data[1] * D**0.5, t.k.data[2, 1, N : N + 4]])
    values = np.concatenate([memory.values.data[1] * N**0.5, t.v.data[2, 1, N : N + 4]])
    e = np.exp(keys @ t.q.data[2, 1, 3] / D**0.5)
    np.testing.assert_allclose(t.heads.data[2, 1, 3], e @ values / e.sum(), rtol=1e-4)


def test_parameters_are_those_of_a_feed_forward_block():
    memory = PersistentKV(N, H, D, rng=np.random.default_rng(0))
    block = FeedForward(M, N, rng=np.random.default_rng(0))
    assert memory.n_parameters() == 2 * N * M == block.w_1.weight.size + block.w_2.weight.size


def test_the_order_of_the_slots_does_not_matter(rng):
    attention, x, order = build(rng), rng.normal(size=(B, T, M)), rng.permutation(N)
    before = attention(x).data
    for part in (attention.memory.keys, attention.memory.values):
        part.data = part.data[:, order]
    np.testing.assert_allclose(attention(x).data, before, atol=1e-5)


def test_nothing_looks_ahead(rng):
    attention, x = build(rng), rng.normal(size=(B, T, M))
    other = x + (np.arange(T) == 4)[:, None]
    moved = np.abs(attention(x).data - attention(other).data).max(axis=(0, 2))
    assert not moved[:4].any() and (moved[4:] > 1e-4).all()


@pytest.mark.parametrize("cache", [A.KVCache, lambda: A.SlidingCache(4)])
def test_decoding_equals_the_full_pass_and_caches_no_slot(rng, cache):
    attention, cache = build(rng, masks=[A.Causal(), A.Window(3)]), cache()
    x = rng.normal(size=(B, T, M))
    with no_grad():
        steps = [attention(x[:, t : t + 1], cache=cache).data for t in range(T)]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), attention(x).data, atol=1e-5)
    assert cache.floats() in (2 * B * T * M, 2 * B * 4 * M)


def test_gradients_sum_over_the_batch(rng):
    def run(x, keys, values):
        attention.memory.keys, attention.memory.values = keys, values
        return attention(x)

    with precision(64):
        attention = build(rng, heads=2)
        x = rng.normal(size=(2, 3, M))
        assert gradcheck(run, x, *rng.normal(size=(2, 2, N, D)), most=20) < 1e-6


@pytest.mark.parametrize("sizes", [(-1, H, D), (N, 3, D), (N, H, D + 1)])
def test_sizes_that_do_not_fit(rng, sizes):
    with pytest.raises(ArgumentError):
        A.multi_head(M, H, rng=rng, memory=PersistentKV(*sizes, rng=rng))
