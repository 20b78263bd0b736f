import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import sphere


def test_the_target_is_the_nearest_point_of_the_sphere():
    drawn = sphere.nearest(np.random.default_rng(5), 211, n_points=7, d=5)
    points, query, target = drawn["points"], drawn["query"], drawn["target"]
    for some in (points, query, target):
        np.testing.assert_allclose((some**2).sum(axis=-1), 1)
    distance = ((points - query[:, None]) ** 2).sum(axis=-1)
    assert np.array_equal(distance.argmin(axis=1), drawn["attend"])
    assert np.array_equal(points[np.arange(211), drawn["attend"]], target)
    assert set(drawn["attend"]) == set(range(7)) and np.abs(points.mean(axis=(0, 1))).max() < 0.05


def test_a_seed_fixes_it_and_bad_sizes_are_refused():
    first, again = (sphere.nearest(np.random.default_rng(3), 5) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    with pytest.raises(ArgumentError):
        sphere.nearest(np.random.default_rng(0), 2, n_points=0)
    with pytest.raises(DTypeError):
        sphere.nearest(0, 2)
