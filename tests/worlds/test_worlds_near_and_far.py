import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds.near_and_far import near_and_far

B, L = 211, 17


def test_the_answer_stands_where_attend_says():
    drawn = near_and_far(np.random.default_rng(5), B, n_facts=5, n_keys=11, n_values=7, back=3, length=L)
    keys, values = np.moveaxis(drawn["inputs"], -1, 0)
    far, attend, row = drawn["far"], drawn["attend"], np.arange(B)
    assert np.array_equal(values[row, attend], drawn["targets"])
    assert np.array_equal(keys[row, attend][far], keys[:, -1][far])
    assert (keys[~far, -1] == 12).all() and (attend[~far] == L - 1 - 3).all() and (values[:, -1] == 7).all()
    assert 0.3 < far.mean() < 0.7 and set(attend[far]) == set(range(L - 1))


def test_longer_streams_have_more_noise_and_no_more_keys():
    for length in (9, 61):
        drawn = near_and_far(np.random.default_rng(5), B, length=length)
        keys, values = drawn["inputs"][:, :-1, 0], drawn["inputs"][:, :-1, 1]
        assert ((keys < 16).sum(1) == 8).all() and keys.max() <= 16 and set(values.ravel()) == set(range(8))
        assert all(len(set(k[k < 16])) == 8 for k in keys)


def test_a_seed_fixes_it_and_bad_sizes_are_refused():
    first, again = (near_and_far(np.random.default_rng(3), 5) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    for bad in (dict(length=8), dict(back=32), dict(n_keys=7)):
        with pytest.raises(ArgumentError):
            near_and_far(np.random.default_rng(0), 2, **bad)
    with pytest.raises(DTypeError):
        near_and_far(0, 2)
