import dataclasses

import numpy as np
import pytest

from minattn.errors import ArgumentError
from minattn.nn import Linear
from minattn.training import Arm, study
from minattn.training.study import choose_rates

RATES, CALLS = (0.1, 0.2, 0.4), []


def arm(n_out=5, **changes):
    return Arm(lambda rng: Linear(7, n_out, rng=rng), **{"steps": 10, "rates": RATES, "data": 30, **changes})


def train(arm, lr, seed):
    """A made-up landscape: the plain arm likes 0.2, the one with a reason 0.4."""
    CALLS.append((lr, seed))
    best = 0.4 if arm.because else 0.2
    return {"accuracy": 1 - abs(lr - best) + seed / 1000, "error": abs(lr - best)}


def run(arms, **changes):
    CALLS.clear()
    return study(arms, train, **{"seeds": (0, 1, 2), "choose": "accuracy", **changes})


def test_every_arm_gets_its_own_best_rate_from_other_seeds():
    result = run({"one": arm(), "two": arm(n_out=6, because="it needs a sixth output")})
    assert result.rates == {"one": 0.2, "two": 0.4}
    assert {seed for lr, seed in CALLS if lr == 0.1} == {100, 101}
    assert len(CALLS) == 2 * (3 * 2 + 3)
    assert result.parameters == {"one": 40, "two": 48}


def test_mean_and_spread_are_over_the_reported_seeds():
    result = run({"one": arm()})
    assert result.measured["one"]["accuracy"] == pytest.approx([1, 1.001, 1.002])
    assert result.mean("one", "accuracy") == pytest.approx(1.001)
    assert result.spread("one", "accuracy") == pytest.approx(np.std([0, 1e-3, 2e-3], ddof=1))
    assert run({"one": arm()}, seeds=(3,)).spread("one", "accuracy") == 0
    assert "one: accuracy 1.001 +- 0.001" in str(result) and "lr 0.2" in str(result)


def test_smaller_may_be_better_and_one_rate_needs_no_tuning():
    assert run({"one": arm()}, choose="error", smaller_is_better=True).rates == {"one": 0.2}
    run({"one": arm(rates=(0.1,))})
    assert CALLS == [(0.1, 0), (0.1, 1), (0.1, 2)]


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"steps": 11}, "11 steps"),
        ({"data": 31}, "31 examples"),
        ({"n_out": 6}, "48 parameters"),
        ({"rates": (0.1, 0.2)}, r"rates \(0.1, 0.2\)"),
    ],
)
def test_unequal_arms_are_refused_unless_they_say_why(changes, word):
    arms = {"one": arm(), "two": arm(**changes)}
    with pytest.raises(ArgumentError, match=word):
        run(arms)
    assert not CALLS
    result = run({**arms, "two": dataclasses.replace(arms["two"], because="it is the question")})
    assert "(it is the question)" in str(result)
    run({**arms, "two": dataclasses.replace(arms["two"], group="another task")})


def test_two_per_cent_of_the_parameters_are_allowed():
    run({"one": arm(n_out=100), "two": arm(n_out=102)})
    with pytest.raises(ArgumentError, match="2 %"):
        run({"one": arm(n_out=100), "two": arm(n_out=103)})


@pytest.mark.parametrize("changes", [{"seeds": (0, 100)}, {"seeds": ()}])
def test_reported_seeds_must_not_be_tuned_on(changes):
    with pytest.raises(ArgumentError, match="not reported"):
        run({"one": arm()}, **changes)
    with pytest.raises(ArgumentError, match="0 arms"):
        run({})
    with pytest.raises(ArgumentError, match="a learning rate"):
        run({"one": arm(rates=())})


def test_equal_scores_keep_the_first_rate_and_the_scores_are_kept():
    scores = {("one", 0.1): 2, ("one", 0.2): 5, ("one", 0.4): 5}
    best, table = choose_rates({"one": arm()}, lambda name, lr, seed: scores[name, lr] + seed, (10, 11))
    assert best == {"one": 0.2}
    assert table == {"one": {0.1: [12, 13], 0.2: [15, 16], 0.4: [15, 16]}}
