import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import recall

B = 307


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def _at(array, index):
    return np.take_along_axis(array, index, axis=-1)


def test_remember(rng):
    d = recall.remember(rng, B, 7, n_symbols=5, n_noise=3)
    assert d["inputs"].shape == (B, 9)
    assert np.array_equal(d["inputs"][:, 0], d["targets"]) and set(d["targets"]) == set(range(5))
    assert set(d["inputs"][:, 1:-1].flat) == {5, 6, 7} and (d["inputs"][:, -1] == 8).all()
    assert recall.remember(rng, 2, 0)["inputs"].shape == (2, 2)


def test_reverse(rng):
    d = recall.reverse(rng, B, length=7, n_symbols=5, first=3)
    assert np.array_equal(d["targets"], d["inputs"][:, ::-1])
    assert np.array_equal(_at(d["inputs"], d["attend"]), d["targets"])
    assert set(d["inputs"].flat) == {3, 4, 5, 6, 7}


def test_sort_sorts_distinct_numbers_of_every_length(rng):
    d = recall.sort(rng, B, shortest=3, longest=7, n_numbers=11)
    lengths = d["valid"].sum(-1)
    assert set(lengths) == {3, 4, 5, 6, 7}
    for inputs, targets, attend, n in zip(d["inputs"], d["targets"], d["attend"], lengths):
        assert targets[:n].tolist() == sorted(set(inputs[:n].tolist())) == inputs[attend[:n]].tolist()
        assert not inputs[n:].any() and not targets[n:].any() and not attend[n:].any()
    assert set(d["inputs"].flat) == set(range(11))


def test_selective_copy(rng):
    d = recall.selective_copy(rng, B, length=13, n_data=5, n_symbols=7, first=3)
    assert np.array_equal(_at(d["inputs"], d["attend"]), d["targets"])
    assert (np.diff(d["attend"], axis=1) > 0).all()
    assert ((d["inputs"] != 10).sum(1) == 5).all() and set(d["inputs"].flat) == set(range(3, 11))


def test_lookup_present_and_absent(rng):
    d = recall.lookup(rng, B, n_pairs=5, n_keys=11, n_values=7)
    here, row = d["present"], np.arange(B)
    assert all(len(set(keys)) == 5 for keys in d["keys"].tolist())
    assert np.array_equal((d["keys"] == d["query"][:, None]).any(1), here)
    assert np.array_equal(d["keys"][row, d["attend"]][here], d["query"][here])
    assert np.array_equal(d["values"][row, d["attend"]][here], d["targets"][here])
    assert (d["targets"][~here] == 7).all() and (d["attend"][~here] == -1).all()
    assert 0.4 < here.mean() < 0.6 and set(d["attend"][here]) == set(range(5))
    assert recall.lookup(rng, 17, p_present=1)["present"].all()


TASKS = {
    recall.remember: [dict(lag=-1), dict(lag=3, n_noise=0)],
    recall.reverse: [dict(length=0), dict(first=-1)],
    recall.sort: [dict(shortest=6), dict(longest=21), dict(shortest=0)],
    recall.selective_copy: [dict(n_data=33), dict(length=0)],
    recall.lookup: [dict(n_pairs=16), dict(p_present=1.5), dict(n_values=0)],
    recall.kth_last: [dict(length=3), dict(p_mark=-0.1), dict(max_k=0)],
    recall.flip_flop: [dict(length=1), dict(p_ignore=2), dict(n_values=1)],
    recall.count: [dict(length=0), dict(p_pass=0.8, p_reset=0.3), dict(largest=0)],
}


@pytest.mark.parametrize("task", TASKS)
def test_bad_sizes_rngs_and_repeats(task):
    lag = (3,) if task is recall.remember else ()
    for bad in TASKS[task]:
        with pytest.raises(ArgumentError):
            task(np.random.default_rng(0), 2, **bad)
    with pytest.raises(ArgumentError):
        task(np.random.default_rng(0), 0, *lag)
    with pytest.raises(DTypeError):
        task(0, 2, *lag)
    one, two = (task(np.random.default_rng(3), 13, *lag) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
