"""Heads that share their projections and differ by a vector."""

import numpy as np
import pytest
from slot_gradients import check_gradients

from minattn import attention as A
from minattn import no_grad, precision
from minattn.attention.projections import AddedHeads, ScaledHeads, TiedHeads
from minattn.errors import ArgumentError

B, T, S, H, D = 2, 5, 7, 3, 4
M = H * D
KINDS = pytest.mark.parametrize("kind", [TiedHeads, AddedHeads, ScaledHeads])
EMBEDDED = pytest.mark.parametrize("kind", [AddedHeads, ScaledHeads])


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def moved(projection, rng):
    for parameter in projection.parameters():
        parameter.data = rng.normal(size=parameter.shape) * 0.6
    return projection


@KINDS
def test_each_head_is_the_shared_projection_and_its_vector(rng, kind):
    p, x, context = moved(kind(M, H, rng=rng), rng), rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
    for role, given, got in zip("qkv", (x, context, context), p(x, context)):
        layer = getattr(p, f"w_{role}")
        shared = given @ layer.weight.data.T + layer.bias.data
        for h in range(H):
            e = 0.0 if kind is TiedHeads else getattr(p, f"e_{role}").data[h]
            expected = shared * (1 + e) if kind is ScaledHeads else shared + e
            np.testing.assert_allclose(got.numpy()[:, h], expected)


@EMBEDDED
@pytest.mark.parametrize("bias", [True, False])
def test_three_vectors_a_head_more_than_one_head(rng, kind, bias):
    tied, more = (k(M, H, rng=rng, bias=bias) for k in (TiedHeads, kind))
    assert more.n_parameters() - tied.n_parameters() == 3 * M
    assert TiedHeads(M, H, rng=rng, bias=False).n_parameters() == 3 * M * D + M * M


@EMBEDDED
def test_without_embeddings_all_heads_are_alike_and_one_head_is_multi_head(rng, kind):
    x = rng.normal(size=(B, T, M))
    heads = A.Attention(kind(M, H, rng=rng, std=0.0)).trace(x).heads.numpy()
    np.testing.assert_array_equal(heads, np.broadcast_to(heads[:, :1], heads.shape))
    one, single = kind(M, 1, rng=rng, std=0.0), A.MultiHead(M, 1, rng=rng)
    for name in ("w_q", "w_k", "w_v", "w_o"):
        setattr(one, name, getattr(single, name))
    np.testing.assert_allclose(A.Attention(one)(x).numpy(), A.Attention(single)(x).numpy(), atol=1e-12)


@KINDS
def test_a_multi_query_of_the_same_function_with_a_cache_of_one_head(rng, kind):
    p, x, cache = moved(kind(M, H, rng=rng), rng), rng.normal(size=(B, T, M)), A.KVCache()
    whole, single = (A.Attention(q, masks=[A.Causal()]) for q in (p, p.as_multi_query()))
    with no_grad():
        steps = [single(x[:, t : t + 1], cache=cache).numpy() for t in range(T)]
        np.testing.assert_allclose(np.concatenate(steps, axis=1), whole(x).numpy(), atol=1e-12)
    assert cache.floats() == 2 * B * T * D


@KINDS
def test_folding_leaves_out_biases_that_are_not_there(rng, kind):
    p, x = moved(kind(M, H, rng=rng, bias=False), rng), rng.normal(size=(B, T, M))
    one, two = (A.Attention(q)(x).numpy() for q in (p, p.as_multi_query()))
    np.testing.assert_allclose(one, two, atol=1e-12)


def test_added_to_keys_a_vector_gets_no_gradient_and_added_to_values_it_shifts_the_heads(rng):
    p, x = moved(AddedHeads(M, H, rng=rng), rng), rng.normal(size=(B, T, M))
    t = A.Attention(p).trace(x)
    (t.out * rng.normal(size=t.out.shape)).sum().backward()
    assert np.abs(p.e_k.grad).max() < 1e-12 < np.abs(p.e_q.grad).min()
    p.e_v.data = p.e_v.data + 2.5
    np.testing.assert_allclose(A.Attention(p).trace(x).heads.numpy(), t.heads.numpy() + 2.5)


@KINDS
def test_gradients(rng, kind):
    attention = A.Attention(moved(kind(4, 2, rng=rng), rng))
    check_gradients(attention, rng.normal(size=(1, 2, 4)), rng.normal(size=(1, 3, 4)))


@KINDS
def test_heads_that_do_not_divide_are_refused(rng, kind):
    with pytest.raises(ArgumentError):
        kind(M, 5, rng=rng)
