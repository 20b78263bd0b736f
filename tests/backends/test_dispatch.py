"""The one table of kernels: registering, running, declining, and what is written down about it."""

import json

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import PRIMITIVES, Tensor, primitive
from minattn.backends import Declined, dispatch


@pytest.fixture
def own_table(monkeypatch):
    for name in ("_table", "kernel_log", "declined_log"):
        monkeypatch.setattr(dispatch, name, type(getattr(dispatch, name))())


@pytest.fixture
def halve(own_table):
    """A primitive whose kernel covers even sizes alone."""

    @primitive
    def halve(x):
        return x / 2

    @halve.vjp
    def _(g, out, x):
        return (g / 2,)

    @halve.kernel("numba")
    def _(x):
        return Declined("an odd size") if x.size % 2 else x * np.float32(0.5)

    @halve.vjp_kernel("numba")
    def _(g, out, x):
        return Declined("five numbers or more") if x.size >= 5 else (g * np.float32(0.5),)

    yield halve
    del PRIMITIVES["halve"]


@pytest.mark.parametrize(
    "size, forward, vjp, reason",
    [(2, 1, 1, None), (3, 0, 0, "an odd size"), (6, 1, 0, "five numbers or more")],
)
def test_what_declines_runs_as_array_code_and_is_written_down(halve, size, forward, vjp, reason):
    with backends.using("numba"):
        x = Tensor(np.arange(float(size)), requires_grad=True)
        out = halve(x)
        out.backward(np.ones(size))
    assert out.data.tolist() == (np.arange(size) / 2).tolist() and x.grad.tolist() == [0.5] * size
    rows = {row["part"]: row for row in dispatch.table()}
    assert (rows["forward"]["calls"], rows["vjp"]["calls"]) == (forward, vjp)
    assert [r for row in rows.values() for r in row["declined"]] == ([reason] if reason else [])


def test_another_backend_asks_no_kernel(halve):
    with backends.using("numpy"):
        halve(Tensor(np.ones(2)))
    assert not dispatch.kernel_log and not dispatch.declined_log


def test_operations_that_are_no_primitives_use_the_same_table(own_table):
    @backends.kernel("count", "numba")
    def _(x, by=1):
        return Declined("a float") if isinstance(x, float) else x + by

    with backends.using("numba"):
        assert dispatch.run("count", 3, by=2) == 5
        assert dispatch.run("count", 3.0).reason == "a float"
        assert isinstance(dispatch.run("count", 3, part="vjp"), Declined)
    with backends.using("numpy"):
        assert isinstance(dispatch.run("count", 3), Declined)
        assert dispatch.run("count", 3, backend="numba") == 4
    (row,) = dispatch.table()[:1]
    assert row == {
        "operation": "count",
        "part": "forward",
        "backend": "numba",
        "calls": 2,
        "declined": {"a float": 1},
    }
    assert json.loads(json.dumps(row)) == row and "a float" in repr(Declined("a float"))
