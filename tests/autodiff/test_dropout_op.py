"""Dropout's mask: Philox's published words, the same on every backend, and without a pattern."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import Tensor, backends, precision
from minattn.autodiff import ops
from minattn.autodiff.ops.dropout_kernels import piece_of_words
from minattn.errors import ArgumentError

dropout = sys.modules["minattn.autodiff.ops.dropout"]
pool, compiling = sys.modules["minattn.backends.threads"], sys.modules["minattn.backends.compile"]
KNOWN = [  # counter, key, words: published with Random123, the authors' library
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
N = 1 << 18


def columns(text):
    return [np.array([int(word, 16)], np.uint64) for word in text.split()]


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_words_are_the_published_ones(counter, key, words):
    assert dropout.philox(columns(counter), columns(key)) == tuple(columns(words))


def test_kernel_makes_the_same_words():
    key, start = np.array([2**32 - 1, 7], np.uint64), 2**32 - 3  # the upper half of the counter moves too
    made = np.empty((7, 4), np.uint32)
    piece_of_words(np.uint64(start), *key, made)
    count = np.arange(start, start + 7, dtype=np.uint64)
    zero = np.zeros_like(count)
    want = dropout.philox((count & dropout.LOW, count >> 32, zero, zero), (key[:1], key[1:]))
    assert (made == np.stack(want, axis=-1)).all()


def computed(backend, shape, rate=0.3, bits=32, key=(5, 6), layout=np.asarray):
    """Output and gradient for random numbers."""
    rng = np.random.default_rng(0)
    with backends.using(backend), precision(bits):
        x = Tensor(layout(rng.normal(size=shape)), requires_grad=True)
        out = ops.dropout(x, rate, key)
        assert out.node.saved is None
        out.backward(rng.normal(size=shape))
        return out.data, x.grad


@pytest.mark.parametrize("bits", [32, 64])
@given(
    shape=st.lists(st.integers(0, 71), max_size=3), key=st.tuples(*[st.integers(0, 2**32 - 1)] * 2),
    rate=st.floats(0, 0.999),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_backends_agree_to_the_bit(bits, shape, key, rate):
    got, want = (computed(b, tuple(shape), rate, bits, key) for b in ("numba", "numpy"))
    for a, b in zip(got, want):
        assert a.shape == b.shape and a.dtype == b.dtype == f"float{bits}" and np.array_equal(a, b)


def test_threads_compiler_and_layout_do_not_show(monkeypatch):
    monkeypatch.setattr(compiling, "SMALL", 0)
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    monkeypatch.setattr(dropout, "PIECE", 13)
    want, shape = computed("numpy", (67, 3, 43)), (67, 3, 43)
    for count in (1, 2):
        monkeypatch.setattr(pool, "_wanted", count)
        assert np.array_equal(computed("numba", shape), want)
    assert np.array_equal(computed("numba", shape, layout=np.asfortranarray), want)
    with backends.without_compiler():
        assert np.array_equal(computed("numba", shape), want)


def kept(rate, key, n=N):
    with backends.using("numba"):
        return ops.dropout(np.ones(n), rate, key).numpy() != 0


def assert_share(mask, share):
    """The share of True is `share`, within five standard deviations."""
    room = 5 * np.sqrt(share * (1 - share) / mask.size)
    assert abs(mask.mean() - share) < room


@pytest.mark.parametrize("rate", [1e-3, 0.1, 0.5, 0.9, 0.999])
def test_share_that_is_kept(rate):
    mask = kept(rate, (1, 2))
    assert_share(mask, 1 - rate)
    with backends.using("numba"):
        assert np.unique(ops.dropout(np.ones(N), rate, (1, 2)).numpy())[-1] == np.float32(1 / (1 - rate))


@pytest.mark.parametrize("far", [1, 2, 3, 4, 5, 64, 4096])
def test_neighbours_are_independent(far):
    mask = kept(0.3, (3, 4))
    assert_share(mask[far:] & mask[:-far], 0.7**2)


@pytest.mark.parametrize("other", [(8, 9), (9, 8), (7, 8 + 2**31), (2**32 - 1, 8)])
def test_other_keys_drop_others(other):
    one, two = kept(0.3, (7, 8)), kept(0.3, other)
    assert_share(one & two, 0.7**2)


def test_every_bit_of_the_words_is_a_coin():
    words = dropout.random_words(N, np.array([1, 2]))
    for bit in range(32):
        assert_share(words >> np.uint32(bit) & np.uint32(1) == 1, 0.5)
    counts = np.bincount(words >> np.uint32(24), minlength=256)
    chi_square = ((counts - N / 256) ** 2).sum() / (N / 256)
    assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("rate", [0.0, 1e-12, 1 - 2**-40])
def test_rates_near_the_ends(backend, rate):
    assert dropout.limit_of(rate) == (2**32 - 1 if rate > 0.5 else 0)
    with backends.using(backend):
        out = ops.dropout(np.ones(1000), rate, (1, 2)).numpy()
    assert (out == (0 if rate > 0.5 else 1)).all()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_is_dropped_is_zero_whatever_it_was(backend):
    with backends.using(backend):
        out = ops.dropout(np.full(1000, np.inf), 0.5, (1, 2)).numpy()
    assert set(out) == {0.0, np.inf}


def test_a_mask_is_that_of_the_flat_array():
    assert np.array_equal(
        kept(0.5, (1, 2), 35), (ops.dropout(np.ones((5, 7)), 0.5, (1, 2)).numpy() != 0).ravel()
    )


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rates_outside_zero_to_one(rate):
    with pytest.raises(ArgumentError, match="0 <= rate < 1"):
        ops.dropout([1.0], rate, (1, 2))


@pytest.mark.parametrize("key", [3, (1, 2, 3), (0.5, 1.0)])
def test_keys_are_two_whole_numbers(key):
    with pytest.raises(ArgumentError, match="two whole numbers"):
        ops.dropout([1.0], 0.5, key)
