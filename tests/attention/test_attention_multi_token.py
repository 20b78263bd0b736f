"""Multi-token attention: convolved scores, mixed heads, gated norms, and the queries that decoding keeps."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from minattn import attention as A
from minattn import gradcheck, no_grad, precision
from minattn.attention import scores, weights
from minattn.attention.memory import QueryCache
from minattn.attention.scores.key_query_conv import convolve
from minattn.autodiff import as_tensor
from minattn.errors import ArgumentError

B, H, T, D = 2, 4, 11, 3


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def moved(attention, rng):
    """Kernels, mixtures, gains and gates away from their start."""
    for module in (attention.score, attention.weights):
        for parameter in module.parameters():
            parameter.data = rng.normal(size=parameter.shape)
    return attention


def multi_token(rng, c_q=3, c_k=5, group=2, pre=False, **slots):
    """All of it; `pre` mixes heads before the softmax."""
    score = scores.KeyQueryConv(H, c_q, c_k, scores.HeadMix(H, group) if pre else None)
    mixed = weights.GatedNorm(D, None if pre else weights.HeadMix(H, group))
    slots.setdefault("masks", [A.Causal()])
    return moved(A.multi_head(H * D, H, rng=rng, score=score, weights=mixed, **slots), rng)


@pytest.mark.parametrize("c_q, c_k", [(1, 1), (2, 5), (3, 4), (4, 1), (13, 23)])
def test_shift_and_add_is_the_convolution_of_scipy(rng, c_q, c_k):
    given, kernel = rng.normal(size=(B, H, 7, 11)), rng.normal(size=(H, c_q, c_k))
    found = convolve(as_tensor(given), as_tensor(kernel)).data
    for b, h in np.ndindex(B, H):
        full = convolve2d(given[b, h], kernel[h])
        expected = full[:7, c_k // 2 : c_k // 2 + 11]
        np.testing.assert_allclose(found[b, h], expected, atol=1e-12)


def test_convolution_by_hand():
    given = as_tensor(np.array([[[[1.0, 0, 0, 0], [0, 0, 0, 0]]]]))
    kernel = as_tensor(np.array([[[2.0, 3, 5], [7, 11, 13]]]))
    assert convolve(given, kernel).data[0, 0].tolist() == [[3, 5, 0, 0], [11, 13, 0, 0]]


@pytest.mark.parametrize("masks", [[A.Causal()], [A.Causal(), A.Window(2)], []])
def test_identities_are_standard_attention_bit_by_bit(rng, masks):
    projection, x = A.MultiHead(H * D, H, rng=rng), rng.normal(size=(B, T, H * D))
    plain = A.Attention(projection, masks=masks).trace(x)
    for score, weigh in (
        (scores.KeyQueryConv(H, 3, 5), weights.HeadMix(H, 2)),
        (scores.KeyQueryConv(H, 2, 9, scores.HeadMix(H, H)), weights.Softmax()),
    ):
        same = A.Attention(projection, score=score, weights=weigh, masks=masks).trace(x)
        np.testing.assert_array_equal(same.weights.data, plain.weights.data)
        np.testing.assert_array_equal(same.out.data, plain.out.data)


@pytest.mark.parametrize("pre", [False, True])
def test_a_later_token_changes_no_earlier_row(rng, pre):
    attention, x = multi_token(rng, pre=pre), rng.normal(size=(B, T, H * D))
    before = attention.trace(x)
    x[:, 6:] = rng.normal(size=x[:, 6:].shape)
    after = attention.trace(x)
    np.testing.assert_array_equal(after.scores.data[:, :, :6, :6], before.scores.data[:, :, :6, :6])
    np.testing.assert_array_equal(after.out.data[:, :6], before.out.data[:, :6])
    assert np.abs(after.out.data[:, 6:] - before.out.data[:, 6:]).min(axis=(0, 2)).max() > 0


def test_without_the_first_mask_the_future_leaks(rng):
    attention, x = multi_token(rng), rng.normal(size=(B, T, H * D))
    attention.score._mask = None
    before = attention(x).data
    x[:, 6:] = rng.normal(size=x[:, 6:].shape)
    assert np.abs(attention(x).data[:, :6] - before[:, :6]).max() > 1e-3


def test_padding_changes_no_real_row(rng):
    attention, x = multi_token(rng), rng.normal(size=(B, T, H * D))
    valid = np.broadcast_to(np.arange(T) < 7, (B, T))
    other = np.where(valid[:, :, None], x, 5.0)
    found = [attention(x, valid=valid).data[:, :7] for x in (x, other)]
    np.testing.assert_allclose(*found, atol=1e-12)
    np.testing.assert_allclose(found[0], attention(x[:, :7]).data, atol=1e-12)


def test_a_row_that_may_attend_nowhere_gathers_zeros(rng):
    attention, x = multi_token(rng), rng.normal(size=(B, T, H * D))
    heads = attention.trace(x, valid=np.zeros((B, T), dtype=bool)).heads
    assert not heads.data.any()


@pytest.mark.parametrize("c_q, positions", [(1, []), (3, []), (3, [A.ALiBi(H)])])
def test_decoding_with_earlier_queries_is_the_full_pass(rng, c_q, positions):
    attention = multi_token(rng, c_q=c_q, positions=positions)
    x = rng.normal(size=(B, T, H * D))
    whole, cache = attention(x).data, QueryCache(max(c_q - 1, 1))
    with no_grad():
        parts = [
            attention(x[:, a:b], cache=cache).data[:, a - b :] for a, b in ((0, 1), (1, 2), (2, 7), (7, 11))
        ]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-10)
    assert cache.floats() == 2 * B * H * D * T + B * H * D * max(c_q - 1, 1)


def test_a_cache_follows_its_beams(rng):
    attention, x = multi_token(rng, c_q=2), rng.normal(size=(B, T, H * D))
    swapped, cache = attention(x[::-1]).data, QueryCache(1)
    with no_grad():
        attention(x[:, :7], cache=cache)
        cache.reorder([1, 0])
        rest = attention(x[::-1, 7:], cache=cache).data[:, -4:]
    np.testing.assert_allclose(rest, swapped[:, 7:], atol=1e-10)


def test_all_heads_mixed_before_the_softmax_are_talking_heads(rng):
    attention = A.multi_head(H * D, H, rng=rng, score=scores.HeadMix(H, H))
    attention.score.mix.data = rng.normal(size=(1, H, H))
    t = attention.trace(rng.normal(size=(B, T, H * D)))
    plain = np.einsum("bhtd,bhsd->bhts", t.q.data, t.k.data) / np.sqrt(D)
    expected = np.einsum("ab,nbts->nats", attention.score.mix.data[0], plain)
    np.testing.assert_allclose(t.scores.data, expected, atol=1e-12)


def test_heads_are_mixed_within_their_group_alone(rng):
    mixed = weights.HeadMix(H, 2)
    mixed.mix.data = rng.normal(size=(2, 2, 2))
    t = A.Trace(None, None, scores=as_tensor(rng.normal(size=(B, H, 5, 7))))
    before, after = weights.Softmax()(t).data, mixed(t).data
    for group, a in np.ndindex(2, 2):
        expected = sum(mixed.mix.data[group, a, b] * before[:, 2 * group + b] for b in range(2))
        np.testing.assert_allclose(after[:, 2 * group + a], expected, atol=1e-12)


def test_a_mask_of_each_heads_own_does_not_leak(rng):
    mixed, allowed = weights.HeadMix(2, 2), np.ones((1, 2, 5, 7), dtype=bool)
    mixed.mix.data, allowed[:, 0, :, 3] = rng.normal(size=(1, 2, 2)), False
    t = A.Trace(None, None, scores=as_tensor(rng.normal(size=(B, 2, 5, 7))), mask=allowed)
    found = mixed(t).data
    assert not found[:, 0, :, 3].any() and found[:, 1, :, 3].all()


def test_norm_and_gate_of_a_head(rng):
    gated, o = weights.GatedNorm(D), rng.normal(size=(B, H, T, D))
    gated.norm.gain.data, gated.w_g.data = rng.normal(size=D), rng.normal(size=(D, 1))
    gated.b_g.data = rng.normal(size=1)
    n = o / np.sqrt((o**2).mean(-1, keepdims=True) + gated.norm.eps) * gated.norm.gain.data
    gate = 1 / (1 + np.exp(-(n @ gated.w_g.data + gated.b_g.data)))
    np.testing.assert_allclose(gated.finish(as_tensor(o)).data, n * gate, atol=1e-12)


def test_parameters_of_a_layer(rng):
    extra = multi_token(rng, 3, 5, 2).n_parameters() - A.multi_head(H * D, H, rng=rng).n_parameters()
    assert extra == H * 3 * 5 + H * 2 + D + D + 1


@pytest.mark.parametrize("pre", [False, True])
def test_gradients(rng, pre):
    attention = multi_token(rng, 2, 3, 2, pre=pre)
    parts = [attention.score, attention.weights.norm, attention.weights]
    names = ["kernel", "gain", "w_g"]
    mixer, values = (
        attention.score.score if pre else attention.weights.weights,
        [rng.normal(size=(1, 5, H * D))],
    )
    parts, names = [*parts, mixer], [*names, "mix"]

    def out(x, *given):
        for part, name, value in zip(parts, names, given):
            setattr(part, name, value)
        return attention(x)

    values += [getattr(part, name).data for part, name in zip(parts, names)]
    gradcheck(out, *values, most=40)


@pytest.mark.parametrize(
    "make",
    [
        lambda: scores.KeyQueryConv(H, 0, 3),
        lambda: scores.KeyQueryConv(H, 2, 3, score="dot"),
        lambda: scores.HeadMix(H, 3),
        lambda: weights.HeadMix(H, 0),
        lambda: weights.GatedNorm(0),
        lambda: QueryCache(0),
        lambda: A.multi_head(12, 3, rng=np.random.default_rng(0), score=scores.KeyQueryConv(H, 2, 3)),
    ],
)
def test_bad_sizes(make):
    with pytest.raises(ArgumentError):
        make()
