"""Relational heads: relations, symbols, and dual attention made of them."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import gradcheck, no_grad, precision
from minattn.attention.dual import DualAttention, relational_heads, sensory_heads
from minattn.attention.positions import Relations, RelativeSymbols
from minattn.attention.projections import LearnedSymbols, PositionalSymbols, SomeHeads
from minattn.autodiff import as_tensor
from minattn.errors import ArgumentError, ShapeError

B, T, S, H, D, M = 2, 5, 7, 3, 4, 11


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def heads(rng, symbols=None, **slots):
    slots.setdefault("relations", dict(n_relations=2, d_relation=3, symmetric=False))
    return relational_heads(M, H, D, symbols or PositionalSymbols(13, M, rng=rng), rng=rng, **slots)


@pytest.mark.parametrize("symmetric", [False, True])
def test_relations_by_hand_and_fused(rng, symmetric):
    found = Relations(M, H, D, 2, 3, symmetric=symmetric, rng=rng)
    x, c = rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    weights, r = rng.random((B, H, T, S)), found.compare(as_tensor(x), as_tensor(c)).data
    w_q, w_k = (w.weight.data.reshape(2, 3, M) for w in (found.w_q, found.w_k))
    for b, l, i, j in np.ndindex(r.shape):
        np.testing.assert_allclose(
            r[b, l, i, j], (w_q[l] @ x[b, i]) @ (w_k[l] @ c[b, j]) / 3**0.5, atol=1e-12
        )
    t = A.Trace(as_tensor(x), as_tensor(c), weights=as_tensor(weights))
    expected = np.einsum("bhij,brij,hrd->bhid", weights, r, found.w_r.data)
    np.testing.assert_allclose(found.gather(t).data, expected, atol=1e-12)


def test_symmetric_relations_and_their_parameters(rng):
    one, two = (Relations(M, H, D, 2, 3, symmetric=s, rng=rng) for s in (True, False))
    x = as_tensor(rng.normal(size=(B, T, M)))
    r = one.compare(x, x).data
    np.testing.assert_allclose(r, r.swapaxes(-1, -2), atol=1e-12)
    assert one.n_parameters() == 2 * 3 * M + H * 2 * D == two.n_parameters() - 2 * 3 * M


def test_objects_come_in_through_weights_and_relations_alone(rng):
    attention, x = heads(rng), rng.normal(size=(B, T, M))
    turn = np.linalg.qr(rng.normal(size=(M, M)))[0]
    before = attention(x).data
    relations = attention.positions[0]
    for layer in (attention.projection.w_q, attention.projection.w_k, relations.w_q, relations.w_k):
        layer.weight.data = layer.weight.data @ turn
    np.testing.assert_allclose(attention(x @ turn).data, before, atol=1e-12)
    for layer in (attention.projection.w_q, attention.projection.w_k, relations.w_q):
        layer.weight.data = 0 * layer.weight.data  # even weights, no relations: the same whatever the objects
    np.testing.assert_allclose(attention(x).data, attention(x[::-1] + 1).data, atol=1e-12)


def test_without_relational_heads_it_is_multi_head_attention(rng):
    plain = A.multi_head(12, 3, rng=rng, masks=[A.Causal()])
    dual = DualAttention(sensory_heads(12, 3, 4, rng=rng, masks=[A.Causal()]), None)
    dual.sensory.projection.load_state_dict(plain.projection.state_dict())
    x = rng.normal(size=(B, T, 12))
    np.testing.assert_array_equal(dual(x).data, plain(x).data)


def test_dual_attention_puts_both_side_by_side(rng):
    sensory, relational = sensory_heads(M, 2, D, rng=rng), heads(rng)
    x, context = rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    valid = np.arange(S) < np.array([[7], [4]])
    out = DualAttention(sensory, relational)(x, context, valid=valid).data
    assert out.shape == (B, T, 2 * D + H * D)
    np.testing.assert_array_equal(out[..., : 2 * D], sensory(x, context, valid=valid).data)
    np.testing.assert_array_equal(out[..., 2 * D :], relational(x, context, valid=valid).data)


def test_learned_symbols_are_mixtures_of_the_library(rng):
    library = LearnedSymbols(5, 12, 3, rng=rng)
    x = as_tensor(rng.normal(size=(B, T, 12)))
    share = library.choose(x).data
    assert (share > 0).all()
    np.testing.assert_allclose(share.sum(-1), 1)
    table = library.symbols.weight.data.reshape(5, 3, 4)
    expected = np.einsum("bhsn,nhd->bshd", share, table).reshape(B, T, 12)
    np.testing.assert_allclose(library(x).data, expected, atol=1e-12)
    library.templates.weight.data = 1e3 * np.eye(5, 12)
    library.w_q.weight.data, library.w_q.bias.data = 0 * library.w_q.weight.data, np.eye(12)[0]
    np.testing.assert_allclose(library(x).data[..., :4], np.broadcast_to(table[0, 0], (B, T, 4)), atol=1e-12)


def test_positional_symbols_do_not_read_the_objects(rng):
    symbols = PositionalSymbols(7, M, rng=rng)
    given = symbols(as_tensor(rng.normal(size=(B, T, M)))).data
    np.testing.assert_array_equal(given, np.broadcast_to(symbols.table.weight.data[:T], (B, T, M)))
    with pytest.raises(ShapeError, match="at most 7"):
        symbols(as_tensor(np.zeros((B, 8, M))))


def test_relative_symbols_by_hand_and_moved(rng):
    symbols, weights = RelativeSymbols(D, 2, rng=rng), rng.random((B, H, T, S))
    expected = np.zeros((B, H, T, D))
    for i, j in np.ndindex(T, S):
        row = symbols.symbols.data[2 + np.clip(j - i, -2, 2)]
        expected[:, :, i] += weights[:, :, i, j, None] * row
    for start in (0, 17):
        places = start + np.arange(T), start + np.arange(S)
        t = A.Trace(None, None, weights=as_tensor(weights), q_pos=places[0], k_pos=places[1])
        np.testing.assert_allclose(symbols.gather(t).data, expected, atol=1e-12)


def test_a_later_object_changes_no_earlier_row(rng):
    attention, x = heads(rng, masks=[A.Causal()]), rng.normal(size=(B, T, M))
    before = attention(x).data
    x[:, 3:] = rng.normal(size=x[:, 3:].shape)
    np.testing.assert_array_equal(attention(x).data[:, :3], before[:, :3])


def test_gradients(rng):
    slots = dict(positions=[RelativeSymbols(D, 1, rng=rng)])
    attention = DualAttention(
        sensory_heads(M, 1, 2, rng=rng), heads(rng, LearnedSymbols(3, M, rng=rng), **slots)
    )
    names, values = zip(*((name, p.data) for name, p in attention.named_parameters()))

    def out(x, *given):
        parts = dict(attention.named_modules())
        for name, value in zip(names, given):
            path, _, last = name.rpartition(".")
            setattr(parts[path], last, value)
        return attention(x)

    gradcheck(out, rng.normal(size=(1, 3, M)), *values, most=15)


def test_what_does_not_fit(rng):
    with pytest.raises(ArgumentError, match="None twice"):
        DualAttention(None, None)
    with pytest.raises(ArgumentError, match="cache"), no_grad():
        heads(rng)(rng.normal(size=(1, 1, M)), cache=A.KVCache())
    with pytest.raises(ArgumentError):
        A.Attention(SomeHeads(M, 2, D, rng=rng), positions=[Relations(M, H, D, rng=rng)])
    for make in (lambda: LearnedSymbols(5, 12, 5, rng=rng), lambda: Relations(M, H, D, 0, rng=rng)):
        with pytest.raises(ArgumentError):
            make()
