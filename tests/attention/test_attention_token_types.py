"""Types of tokens: who sees whom, their derivative, and the cache that drops what nobody will see."""

import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, precision
from minattn import attention as A
from minattn.attention.masks import Sinks, TokenTypes, visibility
from minattn.attention.memory import TypedCache
from minattn.attention.positions import DistanceBias
from minattn.attention.weights import HeavyHitters
from minattn.errors import ArgumentError, GraphError
from minattn.nn.optim import AdamW

B, T, H, D, W = 3, 17, 2, 6, 4
M = H * D


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def attention(rng, positions=(), ends=True):
    weights = TokenTypes(M, H, W, rng=rng, start=(0, 0, 0), ends=ends)
    weights.guess.weight.data = rng.normal(size=weights.guess.weight.shape)
    return A.multi_head(M, H, rng=rng, positions=list(positions), masks=[A.Causal()], weights=weights)


def set_to(attention, types):
    """The same type for every token."""
    weights = attention.weights
    weights.guess.weight.data[:] = 0
    weights.guess.bias.data = np.tile(-9.0 * (np.arange(3) != types), H)
    return attention.eval()


def by_end(types, window):
    """By e_j, the first Global token after j: types (T,) of 0, 1, 2."""
    i, j = np.arange(len(types))[:, None], np.arange(len(types))
    later = (types == 0) & (j > j[:, None])
    end = np.where(later.any(1), later.argmax(1), len(types))
    rules = [np.ones((len(types), len(types)), dtype=bool), i <= end, i <= j + window]
    return (j <= i) & np.select([types == 0, types == 1, types == 2], rules)


def test_product_over_spans_is_the_end_of_each_span(rng):
    types, at = rng.integers(3, size=(B, H, T)), np.arange(T)
    seen = visibility(np.eye(3)[types], at, at, W).data
    for b in range(B):
        for h in range(H):
            np.testing.assert_array_equal(seen[b, h], by_end(types[b, h], W))


def test_the_next_global_token_is_the_last_to_see_a_local_one():
    at, types = np.arange(5), np.array([[[0, 1, 1, 0, 2]]])
    seen = visibility(np.eye(3)[types], at, at, W).data[0, 0]
    np.testing.assert_array_equal(seen[3], [1, 1, 1, 1, 0])
    np.testing.assert_array_equal(seen[4], [1, 0, 0, 1, 1])


@pytest.mark.parametrize("types, masks", [(0, []), (1, []), (2, [A.Window(W)])])
def test_one_type_for_all_is_plain_attention(rng, types, masks):
    typed, x = set_to(attention(rng, ends=False), types), rng.normal(size=(B, T, M))
    plain = A.Attention(typed.projection, masks=[A.Causal(), *masks])
    np.testing.assert_allclose(typed(x).data, plain(x).data, atol=1e-12)


def test_gradcheck_of_scores_and_soft_types(rng):
    scores, soft = rng.normal(size=(2, H, 7, 7)), rng.dirichlet((1, 1, 1), size=(2, H, 7))
    at, weights = np.arange(7), TokenTypes(M, H, W, rng=rng)

    def weigh(scores, types):
        t = A.Trace(None, None, scores=scores, q_pos=at, k_pos=at, extra=dict(types=types))
        return weights(t) + weights.share(t)

    assert gradcheck(weigh, scores, soft) < 1e-6


def test_gradients_reach_the_map_of_types_and_the_input(rng):
    typed, x = attention(rng), Tensor(rng.normal(size=(B, T, M)), requires_grad=True)
    (typed(x) * rng.normal(size=(B, T, M))).sum().backward()
    assert all(np.isfinite(p.grad).all() for p in typed.parameters())
    assert (typed.weights.guess.weight.grad != 0).all() and x.grad.any()


def test_hidden_scores_of_any_size_leave_all_finite(rng):
    typed, at = TokenTypes(M, H, 1, rng=rng), np.arange(4)
    types = Tensor(np.eye(3)[np.full((1, H, 4), 2)], requires_grad=True)
    scores = np.zeros((1, H, 4, 4))
    scores[..., 0] = 1e4
    scores = Tensor(scores, requires_grad=True)
    t = A.Trace(None, None, scores=scores, q_pos=at, k_pos=at, extra=dict(types=types))
    weights = typed(t)
    (weights * np.arange(4.0)).sum().backward()
    np.testing.assert_allclose(weights.data[0, 0, 3], [0, 0, 0.5, 0.5])
    assert np.isfinite(types.grad).all() and np.isfinite(t.scores.grad).all()


@pytest.mark.parametrize("chunk", [1, 4])
@pytest.mark.parametrize("positions", [[], [A.Rotary(D)], [DistanceBias(H, 3), A.ALiBi(H)]])
def test_typed_cache_equals_the_full_pass(rng, positions, chunk):
    typed = attention(rng, positions).eval()
    x, cache, held = rng.normal(size=(B, T, M)), TypedCache(), []
    with no_grad():
        whole = typed(x).data
        for i in range(0, T, chunk):
            out = typed(x[:, i : i + chunk], cache=cache).data
            np.testing.assert_allclose(out, whole[:, i : i + chunk], atol=1e-12)
            held.append(cache.floats())
    assert max(held) < 2 * D * B * H * T and cache.globals().shape == (B, H)


def test_typed_cache_of_sliding_tokens_stops_growing(rng):
    typed, cache = set_to(attention(rng), 2), TypedCache()
    with no_grad():
        for _ in range(T):
            typed(rng.normal(size=(B, 1, M)), cache=cache)
    assert cache.floats() == 2 * D * B * H * (W + 1)  # the first token is Global, and W of the last
    assert len(cache._places) <= W + 3


def test_reordered_rows_go_on_as_their_own(rng):
    typed, x, cache = attention(rng).eval(), rng.normal(size=(B, T, M)), TypedCache()
    rows = [2, 0, 2]
    with no_grad():
        typed(x[:, :9], cache=cache)
        cache.reorder(rows)
        out = typed(x[rows, 9:], cache=cache).data
        np.testing.assert_allclose(out, typed(x).data[rows, 9:], atol=1e-12)


def test_typed_cache_refuses_what_it_cannot_do(rng):
    typed, x = attention(rng), rng.normal(size=(B, T, M))
    with no_grad(), pytest.raises(GraphError, match="eval mode"):
        typed(x, cache=TypedCache())
    with pytest.raises(GraphError, match="no_grad"):
        typed.eval()(x, cache=TypedCache())
    with no_grad(), pytest.raises(ArgumentError, match="TokenTypes"):
        A.multi_head(M, H, rng=rng)(x, cache=TypedCache())


def test_pressure_alone_drives_all_but_the_forced_tokens_out(rng):
    weights = TokenTypes(M, H, W, rng=rng)
    typed = A.multi_head(M, H, rng=rng, masks=[A.Causal()], weights=weights)
    optimiser, x = AdamW(typed.parameters(), lr=0.1), np.zeros((B, T, M))  # one type for all tokens
    for _ in range(60):
        typed.zero_grad()
        t = typed.trace(x)
        weights.share(t).backward()
        optimiser.step()
    kept = typed.eval().trace(x).extra["kept"].data > 0
    least = (A.Window(W)(t) | (t.k_pos == 0)) & (t.k_pos <= t.q_pos[:, None])
    np.testing.assert_array_equal(kept, np.broadcast_to(least, kept.shape))


def test_heavy_hitters_with_room_for_all_are_a_softmax(rng):
    x, plain = rng.normal(size=(B, T, M)), A.multi_head(M, H, rng=rng, masks=[A.Causal()])
    heavy = A.Attention(plain.projection, masks=[A.Causal()], weights=HeavyHitters(T, 1))
    np.testing.assert_allclose(heavy(x).data, plain(x).data, atol=1e-12)
    recent = A.Attention(plain.projection, masks=[A.Causal()], weights=HeavyHitters(4, 4))
    window = A.Attention(plain.projection, masks=[A.Causal(), A.Window(3)])
    np.testing.assert_allclose(recent(x).data, window(x).data, atol=1e-12)


def test_heavy_hitters_lose_the_lightest_for_good(rng):
    attention = A.multi_head(M, H, rng=rng, masks=[A.Causal()], weights=HeavyHitters(5, 2))
    t = attention.trace(rng.normal(size=(B, T, M)))
    held, total = t.extra["held"], np.zeros((B, H, T))
    assert (held.sum(-1) == np.minimum(np.arange(T) + 1, 5)).all()
    for i in range(1, T):
        total += t.weights.data[:, :, i - 1]
        gone = held[:, :, i - 1] & ~held[:, :, i]
        assert not (held[:, :, i, :i] & ~held[:, :, i - 1, :i]).any()  # nobody comes back
        stayed = np.where(held[:, :, i] & (np.arange(T) <= i - 2), total, np.inf).min(-1)
        assert (np.where(gone, total, -np.inf).max(-1) <= stayed).all()


def test_heavy_hitters_need_whole_sequences(rng):
    attention = A.multi_head(M, H, rng=rng, weights=HeavyHitters(5, 2))
    with pytest.raises(ArgumentError, match="a query a key"):
        attention(rng.normal(size=(B, 4, M)), rng.normal(size=(B, 7, M)))
    with pytest.raises(ArgumentError, match="recent <= budget"):
        HeavyHitters(2, 3)


def test_sinks_are_a_window_and_the_first_tokens(rng):
    t = A.Trace(None, None, q_pos=np.arange(3, 9), k_pos=np.arange(2, 9))
    seen = Sinks(4, 1)(t)
    np.testing.assert_array_equal(seen, A.Window(1)(t) | (np.arange(2, 9) < 4))
    with pytest.raises(ArgumentError, match="n >= 0"):
        Sinks(-1, 2)


def test_distance_bias_is_its_table_by_distance(rng):
    bias = DistanceBias(H, 4)
    bias.table.data = rng.normal(size=(H, 5))
    t = A.Trace(None, None, q_pos=np.arange(3, 10), k_pos=np.arange(10))
    found = bias.bias(t).data
    for h in range(H):
        for i in range(7):
            for j in range(10):
                assert found[h, i, j] == bias.table.data[h, min(max(i + 3 - j, 0), 4)]

    def of(table):
        bias.table = table
        return bias.bias(t)

    assert gradcheck(of, rng.normal(size=(H, 5))) < 1e-6
