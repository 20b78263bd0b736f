"""Cached decoding equals the full pass, whatever stands in the other slots."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import no_grad
from minattn.errors import ArgumentError, GraphError, ShapeError

B, T, H, D = 3, 23, 4, 6
M = H * D
PROJECTIONS = {
    "multi_head": lambda rng: A.MultiHead(M, H, rng=rng),
    "grouped_query": lambda rng: A.GroupedQuery(M, H, 2, rng=rng),
    "multi_query": lambda rng: A.MultiQuery(M, H, rng=rng),
}
POSITIONS = {
    "none": lambda rng: [],
    "rotary": lambda rng: [A.Rotary(D)],
    "alibi": lambda rng: [A.ALiBi(H)],
    "relative": lambda rng: [A.Relative(D, 3, rng=rng)],
    "cope": lambda rng: [A.CoPE(5, D)],
    "all": lambda rng: [A.Rotary(D), A.ALiBi(H), A.Relative(D, 3, rng=rng), A.CoPE(5, D)],
}
CHUNKS = [[1] * T, [5, 1, 1, 7, 2, 3, 1, 1, 1, 1], [T], [16, 1, 6]]
VALID = np.arange(T) >= np.array([[0], [4], [T]])  # padding in front, and a row without any token
VALID[1, 9:11] = False


def build(rng, projection="multi_head", positions="none", **slots):
    made = POSITIONS[positions](rng)
    masks = [A.Causal(), *slots.pop("masks", ())]
    attention = A.Attention(PROJECTIONS[projection](rng), positions=made, masks=masks, **slots)
    for parameter in attention.parameters():
        parameter.data = rng.normal(size=parameter.shape).astype(np.float32) * 0.3
    return attention


def decode(attention, x, chunks, valid=None, cache=None):
    cache, start, outs = cache or A.KVCache(), 0, []
    with no_grad():
        for n in chunks:
            here = slice(start, start + n)
            some = None if valid is None else valid[:, here]
            outs.append(attention(x[:, here], valid=some, cache=cache).numpy())
            start += n
    return np.concatenate(outs, axis=1)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_chunks_of_any_size_equal_the_full_pass(rng, projection, positions):
    attention, x = build(rng, projection, positions), rng.normal(size=(B, T, M))
    for valid in (None, VALID):
        full = attention(x, valid=valid).numpy()
        for chunks in CHUNKS:
            np.testing.assert_allclose(decode(attention, x, chunks, valid), full, atol=2e-5)


@pytest.mark.parametrize(
    "slots",
    [
        {"masks": [A.Window(3)]},
        {"weights": A.Sparsemax()},
        {"weights": A.ReLA(M)},
        {"score": A.Concat(D, D, 5, rng=np.random.default_rng(5))},
    ],
    ids=["window", "sparsemax", "rela", "concat"],
)
def test_other_slots_need_no_special_case(rng, slots):
    attention, x = build(rng, positions="rotary", **slots), rng.normal(size=(B, T, M))
    full = attention(x, valid=VALID).numpy()
    np.testing.assert_allclose(decode(attention, x, CHUNKS[1], VALID), full, atol=2e-5)


def test_padding_may_come_after_calls_without_any(rng):
    attention, x = build(rng), rng.normal(size=(B, T, M))
    valid = np.ones((B, T), dtype=bool)
    valid[1, 7:9] = False
    cache = A.KVCache()
    first = decode(attention, x[:, :5], [5], cache=cache)
    second = decode(attention, x[:, 5:], [3, 15], valid[:, 5:], cache=cache)
    full = attention(x, valid=valid).numpy()
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), full, atol=2e-5)


def test_traced_decoding_equals_called_decoding(rng):
    attention, x = build(rng, "grouped_query", "all"), rng.normal(size=(B, T, M))
    called = decode(attention, x, CHUNKS[1], VALID)
    with A.record(attention, every=True) as traces:
        traced = decode(attention, x, CHUNKS[1], VALID)
    np.testing.assert_allclose(traced, called, atol=1e-5)
    last = traces[""][-1]
    assert last.q_pos.tolist() == [T - 1] and last.k_pos.tolist() == list(range(T))
    assert last.k.shape == (B, H, T, D)


@pytest.mark.parametrize("rows", [[2, 0, 1], [1, 1], [0, 2, 2, 0, 1]])
def test_reorder_keeps_the_history_of_the_chosen_rows(rng, rows):
    attention, x = build(rng, positions="rotary"), rng.normal(size=(B, T, M))
    cache = A.KVCache()
    decode(attention, x[:, :9], [9], VALID[:, :9], cache)
    cache.reorder(rows)
    rest = rng.normal(size=(len(rows), T - 9, M))
    got = decode(attention, rest, [1, 13], cache=cache)
    joined, valid = np.concatenate([x[rows, :9], rest], axis=1), VALID[rows].copy()
    valid[:, 9:] = True
    np.testing.assert_allclose(got, attention(joined, valid=valid).numpy()[:, 9:], atol=2e-5)


def test_length_and_floats_count_what_is_kept(rng):
    cache, attention = A.KVCache(), build(rng, "grouped_query")
    assert cache.length == cache.floats() == 0
    decode(attention, np.ones((B, 17, M)), [3, 14], cache=cache)
    assert cache.length == 17 and cache.floats() == 2 * B * 2 * 17 * D
    decode(attention, np.ones((B, 0, M)), [0], cache=cache)
    assert cache.length == 17


def test_reordering_an_empty_cache_does_nothing():
    cache = A.KVCache()
    cache.reorder([1, 0])
    assert cache.length == 0


@pytest.mark.parametrize("rows", [[0, 3], [-1], [True, False, True], [0.0], [[0, 1]]])
def test_rows_that_do_not_exist(rng, rows):
    cache = A.KVCache()
    decode(build(rng), np.ones((B, 2, M)), [2], cache=cache)
    with pytest.raises(ArgumentError, match=r"integers in 0\.\.2"):
        cache.reorder(rows)


def test_another_batch_is_refused(rng):
    attention, cache = build(rng), A.KVCache()
    decode(attention, np.ones((B, 2, M)), [2], cache=cache)
    with pytest.raises(ShapeError, match="a new cache for a new batch"):
        decode(attention, np.ones((B + 1, 2, M)), [2], cache=cache)
    assert cache.length == 2


def test_two_attentions_cannot_share_a_cache(rng):
    cache = A.KVCache()
    decode(build(rng), np.ones((B, 2, M)), [2], cache=cache)
    with pytest.raises(ArgumentError, match="caches = "):
        decode(build(rng), np.ones((B, 2, M)), [2], cache=cache)


def test_a_separate_context_is_refused(rng):
    with no_grad(), pytest.raises(ArgumentError, match="self-attention"):
        build(rng)(np.ones((B, 2, M)), np.ones((B, 3, M)), cache=A.KVCache())


def test_training_through_a_cache_is_refused(rng):
    with pytest.raises(GraphError, match=r"with minattn\.no_grad\(\)"):
        build(rng)(np.ones((B, 2, M)), cache=A.KVCache())


def test_what_a_record_holds_does_not_change_when_decoding_goes_on(rng):
    attention, x, cache = build(rng), rng.normal(size=(B, T, M)), A.KVCache()
    with no_grad():
        t = attention.trace(x[:, :3], cache=cache)
    before = t.k.numpy().copy()
    decode(attention, x[:, 3:], [1] * 20, cache=cache)
    cache.reorder([2, 1, 0])
    np.testing.assert_array_equal(t.k.numpy(), before)
