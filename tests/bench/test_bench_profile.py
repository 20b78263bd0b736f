"""A profile counts every primitive once, and leaves them as they were."""

import time

import numpy as np
import pytest

from minattn import Tensor, nn, using
from minattn.autodiff.primitive import Primitive
from minattn.bench import pictures, profile

WATCHED = [(Primitive, "__call__"), (Primitive, "gradients"), (nn.optim.Optimiser, "step")]


def one_step():
    layer = nn.Linear(5, 3, rng=np.random.default_rng(0))
    optimiser = nn.optim.Adam(layer.parameters(), lr=0.1)

    def step():
        optimiser.zero_grad()
        layer(Tensor(np.ones((7, 5)))).tanh().sum().backward()
        optimiser.step()

    return step


def test_rows_hold_every_operation_with_its_calls_and_add_up():
    rows = profile.of(one_step(), steps=3)
    found = {row["operation"]: row for row in rows}
    assert {"linear", "tanh", "sum", "Adam", "adam", "the rest"} == found.keys()
    assert all(found[name]["calls"] == 1 for name in ("linear", "tanh", "sum", "Adam", "adam"))
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert found["linear"]["backward"] > 0 and rows[-1]["operation"] == "the rest"
    assert [row["share"] for row in rows[:-1]] == sorted((r["share"] for r in rows[:-1]), reverse=True)


def test_the_kernel_that_ran_or_why_none_did_stands_beside_its_operation():
    with using("numba"):
        rows = {row["operation"]: row["kernel"] for row in profile.of(one_step(), steps=1)}
    assert rows["linear"].startswith(("numba: forward", "forward declined: ")) and rows["sum"] == "array code"


def test_primitives_are_put_back_also_after_an_error():
    former = [getattr(cls, name) for cls, name in WATCHED]
    with pytest.raises(ZeroDivisionError), profile.watching():
        assert [getattr(cls, name) for cls, name in WATCHED] != former
        1 / 0
    assert [getattr(cls, name) for cls, name in WATCHED] == former


def test_time_of_a_call_inside_another_counts_once(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def takes(seconds):
        now[0] += seconds

    watch = profile.Watch()
    inner = watch.wrapped(lambda _: takes(2), str, "forward")
    outer = watch.wrapped(lambda _: (takes(1), inner("b")), str, "forward")
    outer("a")
    assert (watch.seconds["a", "forward"], watch.seconds["b", "forward"]) == (1, 2)


def test_a_profile_is_drawn_and_printed(tmp_path):
    rows = profile.of(one_step(), steps=1)
    assert pictures.profile(rows, "a step", tmp_path / "p.png").stat().st_size > 3000
    text = list(profile.table_rows(rows))
    assert all(len(line) == len(profile.HEAD) for line in text) and text[0][4].endswith("%")
