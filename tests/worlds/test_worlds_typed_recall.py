import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds.typed_recall import typed_recall

B = 53


def test_attend_is_the_fact_of_that_key_and_type():
    drawn = typed_recall(
        np.random.default_rng(5), B, n_present=5, n_types=3, n_queries=2, n_keys=7, n_values=11
    )
    facts, queries = drawn["facts"], drawn["queries"]
    assert facts.shape == (B, 15, 3) and drawn["targets"].shape == drawn["attend"].shape == (B, 2, 3)
    for b, i, kind in np.ndindex(B, 2, 3):
        expected = (queries[b, i], kind, drawn["targets"][b, i, kind])
        assert tuple(facts[b, drawn["attend"][b, i, kind]]) == expected
        assert ((facts[b, :, 0] == queries[b, i]) & (facts[b, :, 1] == kind)).sum() == 1
    assert all(len(set(row)) == 2 for row in queries) and set(drawn["attend"].ravel()) == set(range(15))
    assert set(facts[:, :, 0].ravel()) == set(range(7)) and set(facts[:, :, 2].ravel()) == set(range(11))


def test_a_seed_fixes_it_and_bad_sizes_are_refused():
    first, again = (typed_recall(np.random.default_rng(3), 5) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    for bad in (dict(n_queries=7), dict(n_keys=5), dict(n_types=0)):
        with pytest.raises(ArgumentError):
            typed_recall(np.random.default_rng(0), 2, **bad)
    with pytest.raises(DTypeError):
        typed_recall(0, 2)
