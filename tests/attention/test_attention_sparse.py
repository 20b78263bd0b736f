"""Masks of sparse attention: each is full attention at its widest, and sees what its docstring says."""

from types import SimpleNamespace

import numpy as np
import pytest

from minattn.attention import Attention, Causal, GroupedQuery, MultiHead, Trace, Window, mixers, multi_head
from minattn.attention.masks import BlockTopK, LSHBuckets, Sinks
from minattn.attention.mixers.block_topk import BlockTopKMixer
from minattn.attention.mixers.lsh import LSHMixer
from minattn.attention.mixers.sinks import SinksMixer
from minattn.autodiff import Tensor, as_tensor, gradcheck, no_grad, precision
from minattn.errors import ArgumentError

D, H, B, T = 6, 2, 3, 13
X = np.random.default_rng(1).normal(size=(B, T, D))


def buckets(n, rounds=2):
    return LSHBuckets(n, D // H, rounds=rounds, rng=np.random.default_rng(2))


def attention(*masks):
    return multi_head(D, H, rng=np.random.default_rng(0), masks=[Causal(), *masks])


def seen(mask, t=T):
    return np.broadcast_to(attention(mask).trace(X[:, :t]).mask, (B, H, t, t))


@pytest.mark.parametrize(
    "mask", [Sinks(0, T), Sinks(T, 0), BlockTopK(4, 3), BlockTopK(T, 0), BlockTopK(1, T), buckets(1)]
)
def test_at_its_widest_it_is_full_attention(mask):
    with precision(64):
        np.testing.assert_array_equal(attention(mask)(X).data, attention()(X).data)


def test_without_sinks_it_is_a_window():
    np.testing.assert_array_equal(seen(Sinks(0, 2)), seen(Window(2)))


def test_sinks_and_the_last_tokens_are_seen():
    rows = seen(Sinks(2, 2))[0, 0]
    assert np.flatnonzero(rows[9]).tolist() == [0, 1, 7, 8, 9] and rows.sum(1).max() == 5


@pytest.mark.parametrize("top", [1, 2])
def test_the_blocks_with_the_best_means_are_chosen(top):
    t = attention(BlockTopK(4, top)).trace(X)
    for b, h, i in np.ndindex(B, H, T):
        past = range(i // 4)
        fit = {n: t.q.data[b, h, i] @ t.k.data[b, h, 4 * n : 4 * n + 4].mean(0) for n in past}
        best = sorted(fit, key=fit.get)[-top:]
        expected = [j for j in range(i + 1) if j // 4 in (*best, i // 4)]
        assert np.flatnonzero(np.broadcast_to(t.mask, (B, H, T, T))[b, h, i]).tolist() == expected


def test_padding_does_not_count_in_the_mean_of_a_block():
    k = np.zeros((1, 1, 7, 1))
    k[0, 0, :, 0] = [1, 9, 4, 4, 0, 0, 0]  # with 9 the first block is better, without it the second
    at, valid = np.arange(7), np.ones((1, 7), dtype=bool)
    valid[0, 1] = False
    t = SimpleNamespace(q=Tensor(np.ones((1, 1, 1, 1))), k=Tensor(k), q_pos=at[6:], k_pos=at, valid=valid)
    assert np.flatnonzero(BlockTopK(2, 1)(t)).tolist() == [2, 3, 6]
    t.valid = None
    assert np.flatnonzero(BlockTopK(2, 1)(t)).tolist() == [0, 1, 6]
    t.valid = np.zeros((1, 7), dtype=bool)
    assert np.flatnonzero(BlockTopK(2, 1)(t)).tolist() == [6]


def test_equal_vectors_share_a_bucket_opposite_ones_never_and_scale_does_not_count():
    hashes = buckets(8)
    x = np.random.default_rng(3).normal(size=(1, 1, 11, D // H))
    assert (hashes.bucket(x) == hashes.bucket(7.0 * x)).all()
    assert (hashes.bucket(x) != hashes.bucket(-x)).all()
    assert len(np.unique(hashes.bucket(np.random.default_rng(4).normal(size=(1, 1, 307, 3))))) > 4


def test_a_query_sees_the_keys_of_its_bucket_and_itself():
    hashes = buckets(4, rounds=1)
    t = attention(hashes).trace(X)
    mine, theirs = hashes.bucket(t.q.data)[0], hashes.bucket(t.k.data)[0]
    for b, h, i in np.ndindex(B, H, T):
        expected = [j for j in range(i + 1) if j == i or theirs[b, h, j] == mine[b, h, i]]
        assert np.flatnonzero(t.mask[b, h, i]).tolist() == expected


@pytest.mark.parametrize("mask", [BlockTopK(4, 1), buckets(4)])
def test_traced_and_fused_agree_also_with_grouped_heads(mask):
    rng = np.random.default_rng(0)
    attend = Attention(GroupedQuery(D, H, 1, rng=rng), masks=[Causal(), mask])
    with precision(64):
        np.testing.assert_allclose(attend(X).data, attend.trace(X).out.data, atol=1e-12)


@pytest.mark.parametrize("mask", [Sinks(2, 3), BlockTopK(4, 1), buckets(4)])
def test_gradients(mask):
    with precision(64):
        attend = attention(mask)
        w = attend.projection.w_k.weight

        def f(x, weight):
            attend.projection.w_k.weight = weight
            return attend(x)

        assert gradcheck(f, X[:2, :7], w.data) < 1e-6


@pytest.mark.parametrize("name", ["sinks", "block-topk"])
def test_declared_cost_is_the_number_of_pairs_that_are_seen(name):
    mixer = mixers.load(name)(8, 2, rng=np.random.default_rng(0))
    for length in (1, 7, 8, 9, 31):
        t = mixer.attention.trace(np.random.default_rng(1).normal(size=(1, length, 8)))
        pairs = int(np.broadcast_to(t.mask, (1, 2, length, length)).sum())
        scored = sum(i // 8 for i in range(length)) * 2 if name == "block-topk" else 0
        assert mixer.flops(length) == 4 * (2 * pairs + scored)


def test_declared_cost_of_buckets_is_about_right():
    mixer = mixers.load("lsh")(32, 2, rng=np.random.default_rng(0))
    t = mixer.attention.trace(np.random.default_rng(1).normal(size=(7, 127, 32)))
    hashes = 127 * 2 * 2 * 2
    found = t.mask.sum() / 7 / 2 * 2 * 32 + hashes * 32
    assert 0.7 < found / mixer.flops(127) < 1.3


def test_sinks_carry_what_they_declare():
    mixer, state = mixers.load("sinks")(8, 2, rng=np.random.default_rng(0)), None
    for n in range(1, 29):
        _, state = mixer.step(np.zeros((1, 1, 8), dtype=np.float32), state)
        assert sum(part.size for part in state) == mixer.state_floats(n)
    assert state[0].dtype == np.float32 and mixer.state_floats(28) == mixer.state_floats(12)


def test_mixers_at_their_widest_are_the_softmax_mixer():
    def projection():
        return MultiHead(D, H, rng=np.random.default_rng(0))

    wide = [SinksMixer(projection(), 0, T), BlockTopKMixer(projection(), 4, 3)]
    wide.append(LSHMixer(projection(), buckets(1)))
    full = mixers.SoftmaxMixer(Attention(projection(), masks=[Causal()]))
    with precision(64), no_grad():
        for mixer in wide:
            np.testing.assert_allclose(mixer(as_tensor(X)).data, full(as_tensor(X)).data, atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sinks(-1, 3),
        lambda: Sinks(1, -1),
        lambda: BlockTopK(0, 1),
        lambda: BlockTopK(4, -1),
        lambda: buckets(3),
        lambda: buckets(0),
    ],
)
def test_sizes_that_make_no_sense_are_refused(make):
    with pytest.raises(ArgumentError):
        make()


def test_no_keys_at_all_are_no_error():
    none = Tensor(np.zeros((1, 1, 0, 3)))
    t = Trace(none, none, q=none, k=none, q_pos=np.arange(0), k_pos=np.arange(0))
    assert BlockTopK(4, 2)(t).size == 0 and buckets(4)(t).size == 0
