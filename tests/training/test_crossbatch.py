import numpy as np
import pytest

from minattn.errors import ArgumentError
from minattn.training.crossbatch import crossbatch


@pytest.mark.parametrize("d", [1, 2, 5, 7])
def test_each_row_sees_its_own_context_and_others_without_repetition(d):
    seen = crossbatch(7, d, np.random.default_rng(d))
    assert seen.dtype == bool and seen.diagonal().all()
    np.testing.assert_array_equal(seen.sum(axis=1), d)


def test_one_is_the_own_context_alone_and_all_is_everything():
    np.testing.assert_array_equal(crossbatch(5, 1, np.random.default_rng(0)), np.eye(5, dtype=bool))
    assert crossbatch(5, 5, np.random.default_rng(0)).all()


def test_others_are_drawn_evenly_and_anew():
    rng = np.random.default_rng(3)
    mean = np.mean([crossbatch(5, 3, rng) for _ in range(2000)], axis=0)
    np.testing.assert_allclose(mean[~np.eye(5, dtype=bool)], 0.5, atol=0.05)


@pytest.mark.parametrize("d", [0, 6])
def test_more_contexts_than_documents(d):
    with pytest.raises(ArgumentError):
        crossbatch(5, d, np.random.default_rng(0))
