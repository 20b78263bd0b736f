import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import polarity

B = 997


def drawn(seed=3):
    rng = np.random.default_rng(seed)
    words = polarity.polarities(rng, n_words=31)
    return words, polarity.sentences(rng, B, words, length=7)


def test_half_of_the_words_weigh_nothing_and_a_label_is_the_sign_of_the_sum():
    words, found = drawn()
    assert (words == 0).sum() == 15 and (words > 0).any() and (words < 0).any()
    totals = np.array([sum(words[w] for w in row) for row in found["inputs"]])
    np.testing.assert_allclose(found["totals"], totals, atol=1e-12)
    assert np.array_equal(found["targets"], totals > 0) and (totals != 0).all()
    assert set(found["inputs"].ravel()) == set(range(31))
    assert 0.35 < found["targets"].mean() < 0.65


def test_the_same_generator_draws_the_same_and_another_one_others():
    (_, one), (_, two), (_, other) = drawn(), drawn(), drawn(4)
    assert np.array_equal(one["inputs"], two["inputs"]) and not np.array_equal(one["inputs"], other["inputs"])


def test_bad_arguments_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ArgumentError):
        polarity.polarities(rng, n_words=1)
    with pytest.raises(ArgumentError):
        polarity.sentences(rng, 3, np.ones(4), length=0)
    with pytest.raises(DTypeError):
        polarity.polarities(0)
    with pytest.raises(DTypeError):
        polarity.sentences(0, 3, np.ones(4))
