"""A context as a few vectors: who sees whom, what it costs, and that the frozen model stays as it is."""

import numpy as np
import pytest

from minattn import gradcheck, precision
from minattn.attention import Attention, Causal, MultiHead, Rotary, record
from minattn.attention.mixers import SoftmaxMixer
from minattn.errors import ArgumentError, ShapeError
from minattn.models import DigestCompressor, OwnLayersCompressor, TinyTransformer

B, N, K, D, H = 2, 7, 3, 10, 5


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def compressor(rng, n_layers=2):
    return DigestCompressor(D, H, n_digests=K, n_layers=n_layers, d_ff=13, rng=rng)


@pytest.mark.parametrize("n", [0, 1, N, 23])
def test_shape_for_any_length(rng, n):
    assert compressor(rng)(rng.normal(size=(B, n, D))).shape == (B, K, D)


def test_one_layer_equals_the_equations(rng):
    model, context = compressor(rng, n_layers=1), rng.normal(size=(B, N, D))
    layer, d = model.layers[0], D // H

    def unit(x):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)

    def turned(x, places):  # (B,T,H,d), d = 2: one pair
        c, s = np.cos(places)[:, None], np.sin(places)[:, None]
        return np.stack([x[..., 0] * c - x[..., 1] * s, x[..., 0] * s + x[..., 1] * c], axis=-1)

    x = np.broadcast_to(model.digests.data, (B, K, D))
    s = unit(np.concatenate([context, x], axis=1))
    heads = layer.attention.projection
    q, k, v = (
        (y @ w.weight.data.T).reshape(B, -1, H, d)
        for y, w in ((unit(x), heads.w_q), (s, heads.w_k), (s, heads.w_v))
    )
    q, k = turned(q, N + np.arange(K)), turned(k, np.arange(N + K))
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(d)
    scores = np.where(np.arange(N + K) <= N + np.arange(K)[:, None], scores, -np.inf)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    x = x + np.einsum("bhqk,bkhd->bqhd", weights, v).reshape(B, K, D) @ heads.w_o.weight.data.T
    y, block = unit(x), layer.block
    gate = y @ block.w_1.weight.data.T
    x = x + (gate / (1 + np.exp(-gate)) * (y @ block.v.weight.data.T)) @ block.w_2.weight.data.T
    np.testing.assert_allclose(model(context).data, unit(x), atol=1e-12)


def test_a_later_digest_changes_no_earlier_one(rng):
    model, context = compressor(rng), rng.normal(size=(B, N, D))
    before = model(context).data
    model.digests.data[1] += 1.0
    after = model(context).data
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    assert (np.abs(after - before)[:, 1:].max(axis=(0, 2)) > 1e-6).all()


def test_digests_stand_behind_the_context(rng):
    model = compressor(rng)
    with record(model) as traces:
        model(rng.normal(size=(B, N, D)))
    for layer in (0, 1):
        t = traces[f"layers.{layer}.attention"]
        np.testing.assert_array_equal(t.q_pos, np.arange(N, N + K))
        np.testing.assert_array_equal(t.k_pos, np.arange(N + K))


def test_chunks_are_compressed_alone(rng):
    model, context = compressor(rng), rng.normal(size=(B, N, D))
    whole = model.in_chunks(context, 3).data
    assert whole.shape == (B, 3 * K, D)
    for i, start in enumerate((0, 3, 6)):
        part = model(context[:, start : start + 3]).data
        np.testing.assert_allclose(whole[:, i * K : (i + 1) * K], part, atol=1e-12)


def test_cost_is_affine_in_the_length_and_counts_one_layer_by_hand(rng):
    model = compressor(rng, n_layers=1)
    costs = np.array([model.flops(n) for n in range(6)])
    assert (np.diff(costs, 2) == 0).all()
    pairs = sum(N + a + 1 for a in range(K))
    by_hand = 2 * K * D * D + 2 * (N + K) * D * D + 2 * pairs * D + 3 * K * D * 13
    assert model.flops(N) == by_hand and compressor(rng).flops(N) == 2 * by_hand


def test_gradcheck_of_the_context_and_every_parameter(rng):
    model, context = compressor(rng), rng.normal(size=(B, N, D))
    assert gradcheck(model, context, most=40) < 1e-5
    (model(context) * rng.normal(size=(B, K, D))).sum().backward()
    assert all(np.isfinite(p.grad).all() and p.grad.any() for p in model.parameters())


def test_wrong_input_is_named(rng):
    with pytest.raises(ShapeError, match="embedded tokens"):
        compressor(rng)(np.zeros((B, N, D + 1)))
    with pytest.raises(ArgumentError, match="size >= 1"):
        compressor(rng).in_chunks(np.zeros((B, N, D)), 0)


def frozen(rng):
    def mixer():
        heads = MultiHead(D, H, rng=rng)
        return SoftmaxMixer(Attention(heads, positions=[Rotary(D // H)], masks=[Causal()]))

    model = TinyTransformer((4, 3), 5, [mixer(), mixer()], d_model=D, d_ff=11, rng=rng)
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model


def test_gradients_pass_through_a_frozen_model_into_the_digests(rng):
    model, compress = frozen(rng), compressor(rng)
    model.read(compress(rng.normal(size=(B, N, D)))).sum().backward()
    assert compress.digests.grad.any() and all(p.grad is None for p in model.parameters())


def test_own_layers_without_an_update_are_the_frozen_model_behind_a_norm(rng):
    model, compress = frozen(rng), OwnLayersCompressor(D, 2, n_memory=K, rank=2, rng=rng)
    context = model.embed(rng.integers(3, size=(B, N, 2)))
    model.answer = lambda x: x  # the last hidden vectors, behind the model's own norm, whose gain is 1
    whole = np.concatenate([context.data, np.broadcast_to(compress.memory.data, (B, K, D))], axis=1)
    np.testing.assert_allclose(compress(context, model).data, model.read(whole).data[:, N:], atol=1e-12)


def test_gradients_reach_the_updates_and_never_the_frozen_model(rng):
    model, compress = frozen(rng), OwnLayersCompressor(D, 2, n_memory=K, rank=2, rng=rng)
    for update in compress.updates:
        for layer in update.up:
            layer.weight.data = rng.normal(size=layer.weight.shape)
    context = rng.normal(size=(B, N, D))
    assert gradcheck(lambda context: compress(context, model), context, most=40) < 1e-5
    (compress(context, model) * rng.normal(size=(B, K, D))).sum().backward()
    assert all(p.grad.any() for p in compress.parameters())
    assert all(p.grad is None for p in model.parameters())


def test_own_layers_cost_grows_with_the_square(rng):
    compress = OwnLayersCompressor(D, 2, n_memory=K, rank=2, rng=rng)
    costs = np.array([compress.flops(n, 11) for n in range(6)])
    assert (np.diff(costs, 2) == 2 * 2 * D).all()
