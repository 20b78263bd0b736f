"""Keys with their values behind them: what is asked was told."""

import numpy as np
import pytest

from minattn.errors import ArgumentError
from minattn.worlds.pairs import pairs


def test_every_question_is_answered_by_the_token_behind_its_key():
    drawn = pairs(np.random.default_rng(0), 5, n_pairs=7, n_keys=11, n_values=3)
    inputs, asked = drawn["inputs"][..., 0], drawn["asked"]
    assert inputs.shape == (5, 21) and (asked.sum(1) == 7).all() and asked[:, 14:].all()
    for row, targets, attend in zip(inputs, drawn["targets"], drawn["attend"]):
        told = dict(zip(row[:14:2], row[1:14:2] - 11))
        assert len(told) == 7 and sorted(row[14:]) == sorted(told)
        assert [told[key] for key in row[14:]] == list(targets[14:])
        assert list(row[attend[14:]] - 11) == list(targets[14:]) and list(row[attend[14:] - 1]) == list(
            row[14:]
        )
        assert not targets[:14].any() and (attend[:14] == -1).all()


def test_draws_are_repeatable_and_orders_differ():
    one, two = (pairs(np.random.default_rng(3), 4)["inputs"] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (one[:, 0] != one[:, 32]).any()


def test_more_pairs_than_keys_are_refused():
    with pytest.raises(ArgumentError, match="n_keys"):
        pairs(np.random.default_rng(0), 2, n_pairs=5, n_keys=4)
