"""Optimised, Efficient and Super projections."""

import numpy as np
import pytest
from slot_gradients import check_gradients

from minattn import attention as A
from minattn import no_grad, precision
from minattn.attention.projections import CausalSuper, Efficient, Optimised, Super
from minattn.errors import ArgumentError, ShapeError

B, T, S, H, D, L = 2, 5, 7, 3, 4, 11
M = H * D
MAKE = {
    "optimised": Optimised,
    "efficient": Efficient,
    "super": lambda *sizes, **options: Super(*sizes, L, **options),
    "causal": lambda *sizes, **options: CausalSuper(*sizes, L, **options),
}
EVERY = pytest.mark.parametrize("name", MAKE)


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def moved(projection, rng):
    for parameter in projection.parameters():
        parameter.data = rng.normal(size=parameter.shape) * 0.6
    return projection


@pytest.fixture
def given(rng):
    return rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))


@EVERY
def test_what_is_projected_and_what_is_sliced(rng, given, name):
    x, context = given
    p = moved(MAKE[name](M, H, rng=rng), rng)

    def heads(a):
        return np.stack(np.split(a, H, axis=-1), axis=1)

    def mapped(layer, a):
        return a @ layer.weight.data.T + layer.bias.data

    keys = mapped(p.w_k, context) if name == "optimised" else context
    values = context
    if name in ("super", "causal"):
        w_a = p.w_a.data[:S, :S] * (np.tri(S) if name == "causal" else 1)
        values = np.einsum("ij,bjm->bim", w_a, context)
    for got, expected in zip(p(x, context), (mapped(p.w_q, x), keys, values)):
        np.testing.assert_allclose(got.numpy(), heads(expected), atol=1e-12)


@EVERY
def test_parameters(rng, name):
    expected = {"optimised": 3 * M * M, "efficient": 2 * M * M}.get(name, 2 * M * M + L * L)
    assert MAKE[name](M, H, rng=rng, bias=False).n_parameters() == expected


def test_one_standard_head_as_efficient_by_merging_its_maps(rng, given):
    standard, efficient = A.MultiHead(M, 1, rng=rng, bias=False), Efficient(M, 1, rng=rng, bias=False)
    w = {name: layer.weight.data for name, layer in vars(standard).items() if name.startswith("w_")}
    efficient.w_q.weight.data = w["w_k"].T @ w["w_q"]
    efficient.w_o.weight.data = w["w_o"] @ w["w_v"]
    one, two = (A.Attention(p)(*given).numpy() for p in (standard, efficient))
    np.testing.assert_allclose(one, two, atol=1e-12)


def test_super_starts_as_efficient(rng, given):
    mixing, plain = Super(M, H, L, rng=rng), Efficient(M, H, rng=rng)
    plain.w_q, plain.w_o = mixing.w_q, mixing.w_o
    np.testing.assert_allclose(*(A.Attention(p)(*given).numpy() for p in (mixing, plain)), atol=1e-12)


def test_a_later_token_changes_no_earlier_row_of_causal_super_but_of_super(rng, given):
    x = given[1]
    other = x + (np.arange(S) == 4)[:, None]
    for kind, changes in ((CausalSuper, False), (Super, True)):
        attention = A.Attention(moved(kind(M, H, L, rng=rng), rng), masks=[A.Causal()])
        change = np.abs(attention(x).numpy() - attention(other).numpy()).max(axis=(0, 2))
        assert (change[:4] > 1e-6).all() == changes and (change[:4] == 0).all() != changes
        assert (change[4:] > 1e-6).all()


@pytest.mark.parametrize("kind", [Optimised, Efficient])
def test_decoding_with_a_cache(rng, given, kind):
    attention, x, cache = A.Attention(kind(M, H, rng=rng), masks=[A.Causal()]), given[1], A.KVCache()
    with no_grad():
        steps = [attention(x[:, t : t + 1], cache=cache).numpy() for t in range(S)]
        np.testing.assert_allclose(np.concatenate(steps, axis=1), attention(x).numpy(), atol=1e-12)


@EVERY
def test_gradients(rng, name):
    attention = A.Attention(moved(MAKE[name](4, 2, rng=rng), rng))
    check_gradients(attention, rng.normal(size=(1, 2, 4)), rng.normal(size=(1, 3, 4)))


def test_what_is_refused(rng):
    longer = rng.normal(size=(B, L + 1, M))
    with pytest.raises(ShapeError):
        A.Attention(Super(M, H, L, rng=rng))(longer)
    with pytest.raises(ArgumentError), no_grad():
        A.Attention(CausalSuper(M, H, L, rng=rng))(longer[:, :1], cache=A.KVCache())
    for make in MAKE.values():
        with pytest.raises(ArgumentError):
            make(M, 5, rng=rng)
    with pytest.raises(ArgumentError):
        Super(M, H, 0, rng=rng)
