import numpy as np
import pytest

from minattn import precision
from minattn.errors import ArgumentError, DTypeError
from minattn.nn import Embedding


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0, 3)])
def test_ids_pick_rows(rng, shape):
    table = Embedding(7, 11, rng=rng)
    ids = rng.integers(0, 7, size=shape)
    out = table(ids)
    assert out.shape == (*shape, 11)
    np.testing.assert_array_equal(out.numpy(), table.weight.data[ids])


def test_gradient_counts_how_often_a_row_was_used(rng):
    with precision(64):
        table = Embedding(5, 2, rng=rng)
        table(np.array([[3, 0], [3, 3]])).sum().backward()
    np.testing.assert_array_equal(table.weight.grad, np.array([1, 0, 0, 3, 0])[:, None] * np.ones(2))


def test_start_values_have_the_asked_spread(rng):
    weight = Embedding(300, 70, rng=rng, std=0.25).weight.data
    assert abs(weight.mean()) < 0.01 and abs(weight.std() - 0.25) < 0.005


@pytest.mark.parametrize("ids, error", [([0.0], DTypeError), ([True], DTypeError), ([7], ArgumentError),
                                        ([-1], ArgumentError)])  # fmt: skip
def test_ids_that_do_not_fit(rng, ids, error):
    with pytest.raises(error, match=r"expected: (integer ids|ids in 0\.\.6)"):
        Embedding(7, 2, rng=rng)(ids)


def test_sizes(rng):
    with pytest.raises(ArgumentError):
        Embedding(0, 2, rng=rng)
