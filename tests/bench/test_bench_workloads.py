"""Every workload, made small, gives the same on every backend here; names are found, or refused."""

import numpy as np
import pytest
from small_workloads import LENGTHS, small

from minattn import using
from minattn.bench import memory, ours, race, workloads
from minattn.errors import ArgumentError, BackendMissing


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_a_workload_is_the_same_on_both_backends(name):
    one, found = small(name), []
    for backend in ("numpy", "numba"):
        with using(backend):
            ours.prepare(backend)
            job = getattr(ours, one.kind)(one)
            found.append([np.asarray(a) for a in job.check()])
            assert job.timed(job.step) > 0
    assert race.distance(found[1], found[0]) < 1e-4
    assert all(np.isfinite(a).all() and np.abs(a).max() > 0 for a in found[0])


def test_training_moves_the_weights_by_a_fresh_batch_each_step():
    job = ours.training(small("gpt-small"))
    losses, length = job.check()
    assert len(set(losses.tolist())) == 3 and length > 0
    assert losses[0] == pytest.approx(np.log(11), abs=0.5)


def test_decoding_is_timed_by_the_token():
    assert ours.decoding(small("decode")).per == LENGTHS["T"]


def test_a_name_or_its_beginning_chooses():
    assert [w.name for w in workloads.chosen(["lstm", "attention-64", "lstm"])] == [
        "lstm", "attention-64", "attention-64-forward",
    ]  # fmt: skip
    assert len(workloads.chosen(["attention"])) == 8
    assert {w.name for w in workloads.chosen(quick=True)} < {w.name for w in workloads.chosen()}


def test_an_unknown_name_is_answered_with_a_near_one():
    with pytest.raises(ArgumentError, match="--only gpt-small"):
        workloads.chosen(["gtp-small"])


def test_all_contenders_get_the_same_numbers():
    one = small("gpt-small")
    first, second = (workloads.weights(one) for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
    assert (workloads.arrays(one)["ids"] == workloads.arrays(one)["ids"]).all()


def test_memory_is_the_highest_mark_during_a_call():
    if not (memory.SELF / "clear_refs").exists():  # not on Linux
        with pytest.raises(BackendMissing):
            memory.most_needed(list)
        return
    kept = np.ones(3)
    assert memory.most_needed(lambda: (np.ones(4_000_000), kept)) == pytest.approx(32e6, rel=0.2)
    assert memory.most_needed(lambda: np.ones(1000)) < 1e6
