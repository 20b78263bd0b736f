"""A bounded cache under a window: as if nothing had been forgotten."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import no_grad
from minattn.errors import ArgumentError

B, T, H, D, HALF = 3, 23, 4, 6, 5
POSITIONS = {
    "none": lambda rng: [],
    "rotary": lambda rng: [A.Rotary(D), A.Rotary(D, base=7.0)],
    "alibi": lambda rng: [A.ALiBi(H)],
    "relative": lambda rng: [A.Relative(D, 3, rng=rng)],
}
CHUNKS = [[1] * T, [T], [9, 1, 1, 7, 2, 3]]
VALID = np.arange(T) >= np.array([[0], [4], [T]])
VALID[1, 9:11] = False


def build(rng, positions="rotary", half=HALF, **slots):
    made, masks = POSITIONS[positions](rng), [A.Causal(), A.Window(half)]
    return A.grouped_query(H * D, H, 2, rng=rng, positions=made, masks=masks, **slots)


def decode(attention, x, chunks, valid=None):
    cache, outs, start = A.SlidingCache(HALF + 1), [], 0
    with no_grad():
        for n in chunks:
            here = slice(start, start + n)
            outs.append(
                attention(x[:, here], valid=None if valid is None else valid[:, here], cache=cache).data
            )
            assert cache.floats() <= 2 * B * 2 * D * (HALF + n)
            start += n
    assert cache.length == T
    return np.concatenate(outs, axis=1)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("chunks", CHUNKS, ids=["tokens", "whole", "mixed"])
def test_forgetting_what_no_query_reaches_changes_nothing(rng, positions, chunks):
    x = rng.normal(size=(B, T, H * D))
    for half in (HALF, 2.5, 0):
        attention = build(rng, positions, half)
        for valid in (None, VALID):
            np.testing.assert_allclose(
                decode(attention, x, chunks, valid), attention(x, valid=valid).data, atol=2e-5
            )


def test_padding_may_begin_and_end_between_calls(rng):
    attention, x, cache = build(rng), rng.normal(size=(1, 9, H * D)), A.SlidingCache(HALF + 1)
    valid = np.array([[1, 1, 1, 0, 0, 1, 1, 1, 1]], dtype=bool)
    given = [(slice(0, 2), None), (slice(2, 6), valid[:, 2:6]), (slice(6, 9), None)]
    with no_grad():
        outs = [attention(x[:, here], valid=some, cache=cache).data for here, some in given]
    np.testing.assert_allclose(np.concatenate(outs, axis=1), attention(x, valid=valid).data, atol=2e-5)


def test_what_it_holds_does_not_grow_and_what_it_showed_does_not_change(rng):
    attention, cache, held, traces = build(rng), A.SlidingCache(HALF + 1), [], []
    with no_grad():
        for _ in range(T):
            traces.append(attention.trace(rng.normal(size=(B, 1, H * D)), cache=cache))
            held.append((cache.floats(), traces[-1].k.data.copy()))
    assert [floats for floats, _ in held[HALF:]] == [2 * B * 2 * D * (HALF + 1)] * (T - HALF)
    for trace, (_, keys) in zip(traces, held):
        np.testing.assert_array_equal(trace.k.data, keys)
    np.testing.assert_array_equal(traces[-1].k_pos, np.arange(T - HALF - 1, T))


def test_reorder_keeps_the_history_of_the_chosen_rows(rng):
    attention, x, rows = build(rng), rng.normal(size=(B, T, H * D)), np.array([2, 0])
    cache = A.SlidingCache(HALF + 1)
    with no_grad():
        attention(x[:, :17], cache=cache)
        cache.reorder(rows)
        found = attention(x[rows, 17:], cache=cache).data
    np.testing.assert_allclose(found, attention(x).data[rows, 17:], atol=2e-5)


def test_attentions_that_look_further_are_refused(rng):
    far = [
        A.multi_head(H * D, H, rng=rng, masks=[A.Causal()]),
        A.multi_head(H * D, H, rng=rng, masks=[A.Causal(), A.Window(HALF + 1)]),
        A.multi_head(H * D, H, rng=rng, masks=[A.Causal(), A.Window(3)], positions=[A.CoPE(4, D)]),
    ]
    for attention in far:
        with no_grad(), pytest.raises(ArgumentError, match="looks back at most 5"):
            attention(np.ones((B, 1, H * D)), cache=A.SlidingCache(HALF + 1))
