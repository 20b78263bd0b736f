"""Contenders answer in processes of their own, are compared before they are timed, and take turns."""

import numpy as np
import pytest

from minattn.bench import contenders, race, workloads

NUMPY, NUMBA = (contenders.CONTENDERS[f"minattn {name}"] for name in ("numpy", "numba"))
SMALL = workloads.WORKLOADS["attention-64"].resized(B=2, H=3, T=7, d=5)


def test_a_process_builds_checks_and_takes_its_turn():
    with race.Process(NUMPY, threads=1) as process:
        facts = process.build(SMALL)
        out, *grads = process.results()
        assert out.shape == (2, 3, 7, 5) and [g.shape for g in grads] == [out.shape] * 3
        assert 0 < process.turn(0.001) < 10
        assert facts["threads"] == 1 and all(", 1 threads" in pool for pool in facts["pools"])
        assert {"minattn", "numpy"} == facts["versions"].keys()
        with pytest.raises(race.Out, match="KeyError"):
            process.build(SMALL.__class__(**{**vars(SMALL), "size": {}}))
        assert process.turn(0.001) > 0, "it goes on after an error"


def test_the_last_words_of_a_process_that_ends_are_told():
    with race.Process(NUMPY, threads=1) as process:
        process.child.stdin.write("not json\n")
        with pytest.raises(race.Out, match="it ended: json.*Expecting value"):
            process.build(SMALL)


def test_variables_that_slow_a_blas_down_are_removed_for_everybody(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = race.environment(3)
    assert "OPENBLAS_CORETYPE" not in found and found["MINATTN_THREADS"] == found["OMP_NUM_THREADS"] == "3"


class Played:
    """Stands for a process: results and seconds are those of SCRIPT, every call is written down."""

    SCRIPT = {"minattn numpy": 1.0, "minattn numba": 1.0005, "torch": 1.1, "jax": None, "autograd": np.nan}
    calls = []

    def __init__(self, contender, threads):
        self.name = contender.name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append((self.name, "end"))

    def build(self, workload):
        if self.SCRIPT[self.name] is None:
            raise race.Out(self.name, expected="an answer", got="no usable devices", hint="-")
        return {"threads": 1}

    def results(self):
        return [np.full(3, self.SCRIPT[self.name])]

    def turn(self, seconds):
        self.calls.append((self.name, "turn"))
        return 0.001 * len(self.calls)


def test_wrong_results_are_not_timed_and_the_others_take_turns(monkeypatch):
    monkeypatch.setattr(race, "Process", Played)
    Played.calls.clear()
    told = []
    found = race.race(
        SMALL, [contenders.CONTENDERS[n] for n in Played.SCRIPT], 1, rounds=2,
        tell=lambda text, steps=0: told.append(steps),
    )  # fmt: skip
    assert found["absent"].keys() == {"torch", "jax", "autograd"}
    assert "wrong results, 0.1 away" in found["absent"]["torch"] and "inf away" in found["absent"]["autograd"]
    assert found["absent"]["jax"] == "no usable devices"
    turns = [name for name, what in Played.calls if what == "turn"]
    assert turns == ["minattn numpy", "minattn numba"] * 2
    assert found["rows"]["minattn numba"]["rounds"] == [2.0, 4.0] and sum(told) == 5 + 2
    assert [name for name, what in Played.calls if what == "end"] == list(reversed(Played.SCRIPT))


def test_results_are_compared_by_shape_and_size():
    ones = [np.ones((2, 3)), np.ones(5)]
    assert race.distance(ones, ones) == 0
    assert race.distance([np.ones((2, 3)), 1.5 * np.ones(5)], ones) == pytest.approx(0.5)
    assert race.distance([np.ones((3, 2)), np.ones(5)], ones) == race.distance(ones[:1], ones) == np.inf


def test_quartiles_of_the_rounds_in_milliseconds():
    found = race.summary([0.005, 0.001, 0.003, 0.002, 0.004])
    assert (found["low"], found["median"], found["high"]) == pytest.approx((2, 3, 4))
    assert found["rounds"] == pytest.approx([5, 1, 3, 2, 4])
