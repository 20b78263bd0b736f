"""Bad slots and bad input give the four-part error, never one of NumPy's own."""

import numpy as np
import pytest

from minattn import attention as A
from minattn.attention import linear
from minattn.errors import ArgumentError, DTypeError, MinattnError, ShapeError
from minattn.nn import Dropout

RNG = np.random.default_rng(0)
M, H, D = 12, 3, 4
X = np.ones((2, 5, M))


def attend(**slots):
    return A.Attention(A.MultiHead(M, H, rng=RNG), **slots)


@pytest.mark.parametrize(
    "slots, word",
    [
        ({"score": A.Causal()}, r"Attention\(score=\.\.\.\)"),
        ({"score": A.ScaledDot}, "an object, not its class"),
        ({"positions": A.Rotary(D)}, r"lists for positions and masks"),
        ({"positions": [A.Rotary]}, r"Attention\(positions"),
        ({"masks": A.Causal()}, r"masks=\[Causal\(\)\]"),
        ({"masks": [A.Causal]}, r"Attention\(masks"),
        ({"weights": A.Dot()}, r"Attention\(weights"),
        ({"memory": object()}, r"Attention\(memory"),
        ({"memory": A.KVCache()}, r"attn\(x, cache=cache\)"),
        ({"dropout": 0.1}, "an nn.Dropout"),
        ({"positions": [A.ALiBi(2)]}, r"ALiBi\(n_heads=2\)"),
        ({"positions": [A.Rotary(6)]}, "expected: d_head 4 of the MultiHead projection"),
        ({"positions": [A.Relative(3, 2, rng=RNG)]}, r"Relative\(d_head=4\)"),
        ({"positions": [A.CoPE(3, 6)]}, r"CoPE\(d_head=4\)"),
        ({"positions": [A.Sinusoidal(6)]}, r"Sinusoidal\(d_model=12\)"),
        ({"weights": A.ReLA(6)}, r"ReLA\(d_model=12\)"),
        ({"weights": A.LocalGaussian(6, 2, rng=RNG)}, r"LocalGaussian\(d_query=4\)"),
        ({"score": A.General(4, 6, rng=RNG)}, r"General\(d_key=4\)"),
        ({"score": A.Additive(12, 12, 5, rng=RNG)}, r"Additive\(d_query=4\)"),
        ({"score": A.Location(5, 7, rng=RNG)}, r"Location\(d_query=4\)"),
    ],
)
def test_slots_that_do_not_fit_are_refused_when_built(slots, word):
    with pytest.raises(ArgumentError, match=word):
        attend(**slots)


def test_a_projection_must_be_one():
    with pytest.raises(ArgumentError, match=r"Attention\(projection"):
        A.Attention(A.MultiHead)


def test_a_slot_may_refuse_by_itself():
    class OnlyTwoHeads(A.Softmax):
        def fits(self, attention):
            got = attention.projection.n_heads
            raise ArgumentError("OnlyTwoHeads", expected="2 heads", got=got, hint="n_heads=2")

    with pytest.raises(ArgumentError, match="2 heads"):
        attend(weights=OnlyTwoHeads())


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda: A.MultiHead(13, 3, rng=RNG), "n_heads that divides d_model"),
        (lambda: A.MultiHead(12, 0, rng=RNG), "n_heads=0"),
        (lambda: A.GroupedQuery(12, 4, 3, rng=RNG), "n_kv_heads that divides n_heads"),
        (lambda: A.GroupedQuery(12, 4, 8, rng=RNG), "n_kv_heads that divides n_heads"),
        (lambda: A.MultiQuery(-12, 3, rng=RNG), "d_model=-12"),
        (lambda: A.Rotary(5), "an even d_head"),
        (lambda: A.Sinusoidal(5), "an even d_model"),
        (lambda: A.ALiBi(0), "n_heads=0"),
        (lambda: A.Relative(4, -1, rng=RNG), ">= 0"),
        (lambda: A.CoPE(1, 4), "at least 2 places"),
        (lambda: A.Window(-1), "half >= 0"),
        (lambda: A.LocalGaussian(4, 0, rng=RNG), "half > 0"),
        (lambda: A.LearnedPositions(0, 4, rng=RNG), "n_tokens=0"),
        (lambda: A.General(4, 0, rng=RNG), "d_key=0"),
        (lambda: A.Additive(4, 4, 0, rng=RNG), "d_hidden=0"),
        (lambda: A.Concat(4, 4, 2.5, rng=RNG), "d_hidden=2.5"),
        (lambda: A.Location(4, 0, rng=RNG), "max_len=0"),
        (lambda: A.ReLA(0), "d=0"),
        (lambda: A.NarrowKeys(12, 3, 0, rng=RNG), "d_key=0"),
        (lambda: linear.Taylor(3), "1 or 2"),
        (lambda: A.SlidingCache(0), "width=0"),
        (lambda: A.multi_head(12, 3, rng=7), "a numpy.random.Generator"),
    ],
)
def test_sizes_that_cannot_be_are_refused_when_built(make, word):
    with pytest.raises(ArgumentError, match=word):
        make()


@pytest.mark.parametrize(
    "given, error, word",
    [
        ({"x": np.ones((5, M))}, ShapeError, r"x\[None\] is a batch of one"),
        ({"x": np.ones((2, 5, 7))}, ShapeError, r"x \(B, T, 12\)"),
        ({"x": np.ones((2, 5, M), dtype=int)}, DTypeError, "embed token ids first"),
        ({"x": np.full((2, 5, M), "a")}, DTypeError, "real numbers"),
        ({"context": np.ones((3, 7, M))}, ShapeError, "the batch size of x, 2"),
        ({"context": np.ones((2, 7, 5))}, ShapeError, r"context \(B, T, 12\)"),
        ({"context": np.ones((2, 7))}, ShapeError, r"context \(B, S, d\)"),
        ({"context": np.ones((2, 7, M), dtype=bool)}, DTypeError, "context of floats"),
        ({"valid": np.ones((2, 4), dtype=bool)}, ShapeError, r"valid \(2, 5\)"),
        ({"valid": np.ones((2, 5, 5), dtype=bool)}, ShapeError, "one flag a key"),
        ({"valid": np.ones((2, 5))}, DTypeError, "valid = ids != PAD"),
        ({"vaild": np.ones((2, 5), dtype=bool)}, ArgumentError, "unknown: vaild"),
        ({"context": np.ones((2, 7, M)), "cache": A.KVCache()}, ArgumentError, "self-attention"),
    ],
)
def test_input_that_does_not_fit(given, error, word):
    attention = attend()
    for run in (attention, attention.trace):
        with pytest.raises(error, match=word):
            run(given.get("x", X), **{k: v for k, v in given.items() if k != "x"})


def test_an_argument_that_a_mechanism_needs_is_asked_for():
    class Tree(A.positions.Position):
        needs = ("tree",)

    with pytest.raises(ArgumentError, match=r"missing: tree.*\n.*attn\(x, tree=\.\.\.\)"):
        attend(positions=[Tree()])(X)


@pytest.mark.parametrize("masks", [[A.Padding()], [A.Causal(), A.Padding()]])
def test_padding_demands_valid(masks):
    attention = attend(masks=masks)
    with pytest.raises(ArgumentError, match="valid=ids != PAD"):
        attention(X)
    valid = np.arange(5) < np.array([[5], [3]])
    plain = A.Attention(attention.projection, masks=masks[:-1])
    np.testing.assert_array_equal(attention(X, valid=valid).numpy(), plain(X, valid=valid).numpy())


@pytest.mark.parametrize(
    "slots",
    [
        {}, {"score": A.Dot()}, {"score": A.General(5, 7, rng=RNG)}, {"score": A.Additive(5, 7, 3, rng=RNG)},
        {"score": A.Concat(5, 7, 3, rng=RNG)}, {"score": A.Location(5, 9, rng=RNG)},
        {"positions": [A.Rotary(6)]}, {"positions": [A.Rotary(2)]}, {"positions": [A.CoPE(3, 7)]},
        {"positions": [A.Relative(6, 2, rng=RNG)]}, {"weights": A.LocalGaussian(7, 2, rng=RNG)},
        {"weights": A.ReLA(6)},
    ],
)  # fmt: skip
def test_without_projection_lengths_are_checked_at_the_call(slots):
    attention = A.Attention(A.Identity(), **slots)
    with pytest.raises(MinattnError):
        attention(np.ones((2, 3, 11)), np.ones((2, 4, 13)))


def test_location_knows_its_longest_context():
    attention = A.luong_location(4, 6, rng=RNG)
    assert attention(np.ones((2, 3, 4)), np.ones((2, 6, 5))).shape == (2, 3, 5)
    with pytest.raises(ShapeError, match="at most 6 keys"):
        attention(np.ones((2, 3, 4)), np.ones((2, 7, 5)))


def test_heads_of_a_score_must_be_one_or_all():
    attention = attend(score=A.General(D, D, rng=RNG, n_heads=2))
    with pytest.raises(ShapeError):
        attention(X)


def test_dropout_is_accepted():
    assert attend(dropout=Dropout(0.1, rng=RNG)).training
