import numpy as np
import pytest

from minattn.errors import ArgumentError, ShapeError
from minattn.metrics import accuracy, by_length, exact_match


def test_only_valid_places_count():
    predicted, targets = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 2, 0], [0, 5, 0]])
    assert accuracy(predicted, targets) == pytest.approx(3 / 6)
    assert accuracy(predicted, targets, targets > 0) == 1
    assert accuracy(predicted, targets, [[True], [False]]) == pytest.approx(2 / 3)


def test_exact_match_needs_the_whole_sequence_and_its_length():
    assert exact_match([[1, 2], (3,), np.array([4, 5])], [[1, 2], [3, 4], [4, 5]]) == pytest.approx(2 / 3)
    assert exact_match([[]], [[]]) == 1


def test_by_length_is_a_partition():
    lengths = np.random.default_rng(0).integers(5, 23, 101)
    groups = by_length(lengths, [5, 10, 11, 17])
    assert list(groups) == ["5-9", "10", "11-16", "17+"]
    assert sorted(np.concatenate(list(groups.values()))) == list(range(101))
    for label, index in groups.items():
        low, high = {"5-9": (5, 9), "10": (10, 10), "11-16": (11, 16), "17+": (17, 22)}[label]
        assert low <= lengths[index].min() and lengths[index].max() <= high
    assert list(by_length([3, 12], [10])) == ["10+"]


def test_bad_input():
    with pytest.raises(ShapeError):
        accuracy([1, 2], [1, 2, 3])
    with pytest.raises(ShapeError):
        accuracy([1, 2], [1, 2], [True] * 3)
    with pytest.raises(ArgumentError):
        accuracy([1, 2], [1, 2], [False, False])
    with pytest.raises(ArgumentError):
        accuracy([], [])
    with pytest.raises(ArgumentError):
        exact_match([[1]], [])
    with pytest.raises(ArgumentError):
        exact_match([], [])
    for edges in ([], [5, 5], [7, 3]):
        with pytest.raises(ArgumentError):
            by_length([3], edges)
