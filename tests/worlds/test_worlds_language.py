import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds.language import Vocabulary, bucketed_batch, pad


def test_specials_come_first_and_words_survive_the_round_trip():
    v = Vocabulary(["red", "green", "blue"])
    assert (v.pad, v.bos, v.eos, len(v)) == (0, 1, 2, 6)
    assert v.encode(["blue", "red"], bos=True, eos=True) == [1, 5, 3, 2]
    assert v.decode([1, 5, 3, 2, 4]) == ["blue", "red"]
    assert "red" in v and "pink" not in v


def test_vocabulary_refuses_what_it_does_not_know():
    v = Vocabulary(["red"])
    with pytest.raises(ArgumentError, match="pink"):
        v.encode(["pink"])
    with pytest.raises(DTypeError):
        v.encode("red")
    with pytest.raises(ArgumentError):
        v.decode([4])
    with pytest.raises(ArgumentError, match="red"):
        Vocabulary(["red", "blue", "red"])


def test_pad_keeps_every_id_and_marks_it():
    ids, valid = pad([[7, 5], [3, 4, 6], []], length=5)
    assert ids.tolist() == [[7, 5, 0, 0, 0], [3, 4, 6, 0, 0], [0] * 5]
    assert valid.sum(-1).tolist() == [2, 3, 0] and valid.dtype == bool and ids.dtype == np.int64


@pytest.mark.parametrize("bad, kind", [([], ArgumentError), ([3, 4], DTypeError)])
def test_pad_refuses(bad, kind):
    with pytest.raises(kind):
        pad(bad)
    with pytest.raises(ArgumentError):
        pad([[1, 2, 3]], length=2)


def _pairs(rng, n=203):
    return [([i] * int(rng.integers(3, 20)), [i]) for i in range(n)]


def test_a_bucketed_batch_is_distinct_and_narrower_than_a_random_one():
    rng = np.random.default_rng(5)
    pairs = _pairs(rng)
    spread, plain = [], []
    for _ in range(40):
        batch = bucketed_batch(pairs, 11, rng)
        assert len(batch) == 11 == len({pair[1][0] for pair in batch})
        spread.append(np.ptp([len(source) for source, _ in batch]))
        plain.append(np.ptp([len(pairs[i][0]) for i in rng.choice(203, 11, replace=False)]))
    assert np.mean(spread) < 0.4 * np.mean(plain)


def test_every_pair_is_equally_likely():
    rng = np.random.default_rng(7)
    pairs = _pairs(rng, 23)  # 23 is no multiple of 5: the longest pair must not be forgotten
    seen = np.zeros(23)
    for _ in range(3000):
        for _, (i,) in bucketed_batch(pairs, 5, rng):
            seen[i] += 1
    assert np.abs(seen / 3000 - 5 / 23).max() < 0.035


def test_a_bucketed_batch_needs_enough_pairs_and_a_generator():
    with pytest.raises(ArgumentError):
        bucketed_batch([([1], [2])], 2, np.random.default_rng(0))
    with pytest.raises(DTypeError):
        bucketed_batch([([1], [2])], 1, 0)
