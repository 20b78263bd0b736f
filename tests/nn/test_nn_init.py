import math

import numpy as np
import pytest

from minattn.errors import ArgumentError
from minattn.nn import init


def test_uniform_and_normal_have_the_asked_spread(rng):
    values = init.uniform(rng, (300, 200), 0.5)
    assert -0.5 <= values.min() < -0.499 and 0.499 < values.max() < 0.5
    assert abs(values.var() - 1 / 12) < 1e-3
    values = init.normal(rng, (300, 200), 0.5)
    assert abs(values.mean()) < 0.01 and abs(values.std() - 0.5) < 0.005


def test_fan_in_keeps_the_size_of_sums(rng):
    sums = rng.normal(size=(500, 400)) @ init.fan_in(rng, (300, 400)).T
    assert abs(sums.var() - 1 / 3) < 0.02


@pytest.mark.parametrize("shape", [(30, 70), (5, 30, 70)])
def test_glorot_counts_the_last_two_lengths(rng, shape):
    values, bound = init.glorot(rng, shape), math.sqrt(6 / 100)
    assert values.shape == shape and 0.98 * bound < np.abs(values).max() <= bound


def test_orthogonal_turns_and_never_stretches(rng):
    q = init.orthogonal(rng, 7)
    np.testing.assert_allclose(q @ q.T, np.eye(7), atol=1e-12)
    assert len({round(float(np.linalg.det(init.orthogonal(rng, 2)))) for _ in range(20)}) == 2, "both hands"


@pytest.mark.parametrize("draw", [lambda r: init.uniform(r, (2,), 1), lambda r: init.normal(r, (2,), 1),
                                  lambda r: init.orthogonal(r, 2)])  # fmt: skip
def test_rng_is_a_generator(draw):
    with pytest.raises(ArgumentError, match="a numpy.random.Generator"):
        draw(np.random.RandomState(0))
