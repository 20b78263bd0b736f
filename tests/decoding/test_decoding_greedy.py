import numpy as np
import pytest

from minattn.decoding import greedy
from minattn.errors import ArgumentError, DTypeError, ShapeError


@pytest.mark.parametrize("seed", range(5))
def test_greedy_against_a_loop_over_rows(table, seed):
    step, starts = table(5, seed), [[1, 3], [1, 4], [1, 0]]
    found = greedy(step, starts, end=2, max_len=7)
    for start, said in zip(starts, found):
        prefix = list(start)
        while len(prefix) < 9 and (len(prefix) == 2 or prefix[-1] != 2):
            prefix.append(int(step.row(prefix).argmax()))
        assert said == [i for i in prefix[2:] if i != 2]


def test_rows_do_not_disturb_each_other_and_a_cache_is_as_good(table, cached):
    starts = np.arange(1, 8)
    together = greedy(table(7, 3), starts, end=2, max_len=11)
    assert together == [greedy(table(7, 3), [s], end=2, max_len=11)[0] for s in starts]
    assert together == greedy(cached(7, 3), starts, end=2, max_len=11)
    assert len({len(said) for said in together}) > 1


def test_stops_as_soon_as_all_rows_are_finished(cached):
    step = cached(3, 0)
    said = greedy(step, [1], end=2, max_len=50)
    assert len(step.calls) == len(said[0]) + 1 < 50
    assert len(greedy(cached(3, 0), [1], end=None, max_len=13)[0]) == 13


def _constant(value):
    return lambda prefix: value


@pytest.mark.parametrize(
    "step, kind",
    [
        (_constant(np.zeros((2, 3, 5))), ShapeError),
        (_constant(np.zeros((3, 5))), ShapeError),
        (_constant(np.zeros((2, 0))), ShapeError),
        (_constant(np.zeros((2, 5), dtype=int)), DTypeError),
        (_constant(object()), DTypeError),
        (_constant(np.full((2, 5), np.nan)), ArgumentError),
        (_constant(np.zeros((2, 2))), ArgumentError),  # no column for end
    ],
)
def test_a_step_that_answers_wrongly(step, kind):
    with pytest.raises(kind):
        greedy(step, [1, 1], end=2, max_len=3)


@pytest.mark.parametrize(
    "start, kind", [([0.5], DTypeError), ([], DTypeError), (np.ones((2, 3, 5), int), ShapeError)]
)
def test_a_start_that_is_none(table, start, kind):
    with pytest.raises(kind):
        greedy(table(5, 0), start, end=2, max_len=3)
    with pytest.raises(ArgumentError):
        greedy(table(5, 0), [1], end=2, max_len=0)
    with pytest.raises(DTypeError):
        greedy(table(5, 0), [1], end=2, max_len=2.5)
