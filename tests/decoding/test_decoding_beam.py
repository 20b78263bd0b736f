import itertools

import numpy as np
import pytest

from minattn.decoding import beam, block_ngrams, greedy
from minattn.errors import ArgumentError, DTypeError, ShapeError


def _score(step, start, said, length_penalty, max_len, end=2):
    """Wu et al.'s score of one sentence, which says `end` unless it is cut off at max_len."""
    said = list(said) + ([end] if len(said) < max_len else [])
    log_p = sum(step.row([start, *said[:i]])[token] for i, token in enumerate(said))
    return log_p / ((5 + len(said)) / 6) ** length_penalty


def _best_of_all(step, start, length_penalty, max_len):
    every = (said for n in range(max_len + 1) for said in itertools.product((0, 1), repeat=n))
    return max((_score(step, start, said, length_penalty, max_len), list(said)) for said in every)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
def test_a_beam_as_wide_as_the_tree_is_exhaustive_search(table, seed, length_penalty):
    step = table(3, seed)
    said, scores = beam(step, [0, 1], end=2, width=3**4, max_len=4, length_penalty=length_penalty)
    for start, row, score in zip((0, 1), said, scores):
        best, words = _best_of_all(step, start, length_penalty, 4)
        assert row == words and score == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_width_one_is_greedy(table, seed):
    starts = [[1, 3], [1, 4], [1, 0]]
    said, _ = beam(table(5, seed), starts, end=2, width=1, max_len=9)
    assert said == greedy(table(5, seed), starts, end=2, max_len=9)


def test_the_score_is_that_of_the_sentence_and_wider_is_better_on_average(table):
    means = []
    for width in (1, 3, 7):
        said, scores = beam(table(5, 4), np.arange(40) + 10, end=2, width=width, max_len=7)
        by_hand = [_score(table(5, 4), start + 10, row, 0.6, 7) for start, row in enumerate(said)]
        assert np.allclose(scores, by_hand, atol=1e-12)
        means.append(scores.mean())
    assert means[0] < means[1] <= means[2]


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_cache_that_is_reordered_gives_the_same(table, cached, width):
    starts, step = np.arange(1, 8), cached(6, 9)
    plain = beam(table(6, 9), starts, end=2, width=width, max_len=8)
    kept = beam(step, starts, end=2, width=width, max_len=8)
    assert plain[0] == kept[0] and np.array_equal(plain[1], kept[1])
    n_steps = step.calls.count("step")
    assert step.calls == ["step", "reorder"] * (n_steps - 1) + ["step"]


def test_rows_are_sentence_by_sentence(table):
    """A step that knows its sentence by row // width must see the start of that sentence in the row."""
    width, seen = 3, []

    def step(prefix):
        seen.append((prefix[:, 0] == np.repeat([11, 12, 13, 14], width)).all())
        return table(6, 1)(prefix)

    beam(step, [11, 12, 13, 14], end=2, width=width, max_len=6)
    assert len(seen) > 2 and all(seen)


def test_sentences_do_not_disturb_each_other(table):
    starts = np.arange(1, 10)
    together, scores = beam(table(5, 2), starts, end=2, width=3, max_len=8)
    alone = [beam(table(5, 2), [s], end=2, width=3, max_len=8) for s in starts]
    assert together == [said[0] for said, _ in alone]
    assert np.array_equal(scores, [score[0] for _, score in alone])


def test_the_penalty_prefers_longer_sentences():
    """Token 0 costs little and may go on for ever; the longer the sentence, the lower its probability."""
    step = lambda prefix: np.tile([np.log(0.8), -np.inf, np.log(0.2)], (len(prefix), 1))  # noqa: E731
    lengths = [
        len(beam(step, [0], end=2, width=9, max_len=8, length_penalty=a)[0][0]) for a in (0.0, 0.6, 4.0)
    ]
    assert lengths[0] == 0 and lengths == sorted(lengths) and lengths[2] == 8


def test_block_ngrams_forbids_every_repeat(table):
    step = lambda prefix: table(6, 5)(prefix[:, -1:])  # noqa: E731 (this model walks in circles)
    starts = np.stack([np.arange(20) % 5, np.arange(20) // 5], 1)
    for n in (2, 3, 4):
        said, _ = beam(step, starts, end=5, width=3, max_len=12, features=block_ngrams(n))
        for start, row in zip(starts, said):
            row = [*start, *row]
            runs = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
            assert len(set(runs)) == len(runs)
    free, _ = beam(step, starts, end=5, width=3, max_len=12)
    assert any(len(set(zip(row, row[1:]))) < len(row) - 1 for row in free)
    alone = block_ngrams(1)(np.array([[3, 0, 3]]), np.zeros((1, 5)))
    assert np.isinf(alone).tolist() == [[True, False, False, True, False]]


def test_features_are_added_to_the_log_probabilities(table):
    wish = np.array([0.0, -np.inf, -1.5, 2.0, 0.0])
    features = lambda prefix, log_probs: np.broadcast_to(wish, log_probs.shape)  # noqa: E731
    said = beam(table(5, 7), [1, 3], end=2, width=4, max_len=6, features=features)
    other = beam(lambda prefix: table(5, 7)(prefix) + wish, [1, 3], end=2, width=4, max_len=6)
    assert said[0] == other[0] and np.allclose(said[1], other[1]) and not any(1 in row for row in said[0])


def test_where_nothing_is_possible_nothing_is_said():
    said, scores = beam(lambda prefix: np.full((len(prefix), 5), -np.inf), [1], end=2, width=3, max_len=4)
    assert said == [[]] and scores.tolist() == [-np.inf]


def test_bad_input(table):
    for bad in (dict(width=0), dict(max_len=0), dict(length_penalty=-1), dict(end=7)):
        with pytest.raises(ArgumentError):
            beam(table(5, 0), [1], **{"end": 2, "max_len": 3, **bad})
    with pytest.raises(ShapeError, match="features"):
        beam(table(5, 0), [1], end=2, max_len=3, features=lambda prefix, log_probs: np.zeros(5))
    with pytest.raises(DTypeError):
        beam(table(5, 0), [1.5], end=2, max_len=3)
    with pytest.raises(ArgumentError):
        block_ngrams(0)
