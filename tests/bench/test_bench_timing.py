"""Contenders are compared before they are timed; every round of each is kept."""

import numpy as np
import pytest

from minattn.bench import timing, workloads
from minattn.errors import ArgumentError


def test_every_contender_has_all_its_rounds_and_ordered_quartiles():
    steps = {"a": lambda: [np.ones(3)], "b": lambda: [np.ones(3)]}
    seconds = timing.measure(steps, rounds=5, rest=0)
    assert {name: len(s) for name, s in seconds.items()} == {"a": 5, "b": 5}
    assert all(r["low"] <= r["median"] <= r["high"] for r in timing.summary(seconds).values())


def test_a_contender_with_another_result_is_not_timed():
    with pytest.raises(ArgumentError, match="wrong"):
        steps = {"ours": lambda: [np.ones(3)] * 2, "wrong": lambda: [np.ones(3), np.full(3, np.nan)]}
        timing.measure(steps, rounds=1, rest=0)


def test_attention_is_the_same_on_every_backend_here():
    steps = workloads.attention((2, 3, 7, 5))
    steps.pop("torch", None)  # tests/peers compares with PyTorch
    assert {"numpy", "numba"} <= steps.keys()
    timing.same(steps)
