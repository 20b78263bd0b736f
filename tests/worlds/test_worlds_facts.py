import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import facts

B = 211


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def check_truth(drawn, n_values):
    """What every task promises: the answer stands where `attend` says, under the key that is asked for."""
    keys, values = np.moveaxis(drawn["inputs"], -1, 0)
    asked, attend, row = drawn["asked"], drawn["attend"], np.arange(len(keys))[:, None]
    assert np.array_equal(values[row, attend][asked], drawn["targets"][asked])
    assert np.array_equal(keys[row, attend][asked], keys[asked])
    assert (values[asked] == n_values).all() and (drawn["targets"][asked] < n_values).all()
    assert (attend[~asked] == -1).all() and not drawn["targets"][~asked].any()


def test_mqar(rng):
    drawn = facts.mqar(rng, B, n_facts=5, n_queries=3, n_keys=13, n_values=7, n_fillers=2, length=17)
    check_truth(drawn, 7)
    keys, values = np.moveaxis(drawn["inputs"], -1, 0)
    assert (drawn["asked"] == (np.arange(17) >= 14)).all()
    fact = (values < 7) & ~drawn["asked"]
    assert (
        (fact.sum(1) == 5).all()
        and (keys[fact] < 13).all()
        and set(keys[~fact & ~drawn["asked"]]) == {13, 14}
    )
    assert all(len(set(row[here])) == 5 for row, here in zip(keys, fact))
    assert all(len(set(row[-3:])) == 3 for row in keys)
    assert set(np.nonzero(fact)[1]) == set(range(14))  # at every place before the questions


def test_passkey_asks_once_and_mqar_asks_for_all_by_default(rng):
    drawn = facts.passkey(rng, B, length=31)
    check_truth(drawn, 8)
    assert (drawn["asked"].sum(1) == 1).all() and drawn["asked"][:, -1].all()
    every = facts.mqar(rng, B, n_facts=4, length=11)
    assert (
        np.sort(every["attend"][:, -4:])
        == np.sort(np.nonzero(every["inputs"][:, :7, 1] < 16)[1].reshape(B, 4))
    ).all()


def test_overwrite_asks_for_the_last_value(rng):
    drawn = facts.overwrite(rng, B, n_writes=19, n_queries=5, n_keys=7, n_values=11)
    check_truth(drawn, 11)
    keys = drawn["inputs"][:, :, 0]
    for b, row in enumerate(keys):
        for t in range(19, 24):
            assert drawn["attend"][b, t] == max(i for i in range(19) if row[i] == row[t])
    assert (drawn["attend"][:, 19:] < 12).any()  # not only the newest facts are asked for


@pytest.mark.parametrize(
    "task, bad",
    [
        (facts.mqar, dict(n_keys=15)),
        (facts.mqar, dict(length=31)),
        (facts.mqar, dict(n_queries=17)),
        (facts.passkey, dict(length=6)),
        (facts.overwrite, dict(n_writes=0)),
    ],
)
def test_bad_sizes_rngs_and_repeats(task, bad):
    with pytest.raises(ArgumentError):
        task(np.random.default_rng(0), 2, **bad)
    with pytest.raises(DTypeError):
        task(0, 2)
    first, again = (task(np.random.default_rng(3), 5) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
