"""A captured step: what is recorded, what runs when, and what a step may not do. No card, no kernels.

`tests/cuda/test_cuda_graph.py` captures a whole training step with its kernels.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from recording_stand_in import record_calls

from minattn import backends
from minattn.backends import graph, select, xp
from minattn.backends.device import Namespace
from minattn.errors import ArgumentError, GraphError, ShapeError


@pytest.fixture
def recorder(monkeypatch):
    cupy, recorder = record_calls(monkeypatch)
    monkeypatch.setitem(select._loaders, "cupy", lambda: Namespace(cupy))
    monkeypatch.setitem(select._when_loaded, "cupy", [])
    monkeypatch.delitem(select._modules, "cupy", raising=False)
    with backends.using("cupy"):
        yield recorder
    select._modules.pop("cupy", None)


class Momentum:
    """v <- v / 2 + g, w <- w - lr / t v: a new array for w, the same for v, and a number of each step."""

    def __init__(self, w):
        self.parameters, self.lr, self.steps = [SimpleNamespace(data=xp.asarray(w))], 0.1, 0
        self.velocity = xp.zeros(w.shape, dtype=w.dtype)

    def count(self):
        self.steps += 1

    def step(self, g):
        backends.each_step(self.count)
        rate = backends.device_numbers(lambda: [self.lr / self.steps])
        [w] = self.parameters
        self.velocity *= 0.5
        self.velocity += g
        w.data = w.data - rate * self.velocity


def walk(captured):
    """Weights, velocities and losses of six steps, the rate halved on the way; and the optimiser."""
    rng = np.random.default_rng(0)
    optimiser = Momentum(rng.normal(size=7).astype(np.float32))

    def step(x):
        away = optimiser.parameters[0].data - x
        optimiser.step(away)
        return xp.sum(away * away)

    run, seen = backends.capture(step, optimiser) if captured else step, []
    for i in range(6):
        if i == 4:
            optimiser.lr /= 2
        loss = run(xp.asarray(rng.normal(size=7).astype(np.float32)))
        arrays = optimiser.parameters[0].data, optimiser.velocity, loss
        seen.append([backends.asnumpy(a) for a in arrays])
    return seen, optimiser


def test_every_call_is_one_step(recorder):
    (want, by_hand), (got, optimiser) = walk(False), walk(True)
    assert optimiser.steps == by_hand.steps == 6
    for now, then in zip(got, want):
        assert all(np.array_equal(a, b) for a, b in zip(now, then))


def test_recorded_once_and_launched_after(recorder):
    walk(True)
    around, once = ["wait", "memory: the pool's"], ["begin", "end"]
    later = [*around, "launch", "wait"]
    assert recorder.calls == [*around, "wait", *around, *once, "launch", "wait", *later * 4]


def test_weights_stay_where_they_are(recorder):
    _, optimiser = walk(True)
    [w], before = optimiser.parameters, optimiser.parameters[0].data
    step = backends.capture(lambda: optimiser.step(w.data), optimiser)
    step()
    after_first = w.data
    step()
    step()
    assert w.data is after_first and after_first is not before


def test_inputs_of_host_and_device_are_copied_in(recorder):
    optimiser = Momentum(np.zeros(3, np.float32))
    step = backends.capture(lambda x: x * 2, optimiser)
    for i in range(4):
        x = np.full(3, i, np.float32)
        assert backends.asnumpy(step(x if i % 2 else xp.asarray(x))).tolist() == [2 * i] * 3
        x[:] = -1  # the caller's array is the caller's


def test_inputs_of_another_form_are_refused(recorder):
    step = backends.capture(lambda x: x * 2, Momentum(np.zeros(3, np.float32)))
    step(np.zeros(3, np.float32))
    for wrong in (np.zeros(4, np.float32), np.zeros(3)):
        with pytest.raises(ShapeError, match=r"\(3,\)(.|\n)*float32"):
            step(wrong)


@pytest.mark.parametrize(
    "fault, said",
    [
        (lambda x: float(xp.sum(x)), "never waits"),
        (lambda x: x if xp.sum(x) else -x, "never waits"),
        (lambda x: x * xp.asarray(np.ones(3)), "on the device before"),
        (lambda x: xp.ascontiguousarray([1.0, 2.0]), "on the device before"),
    ],
)
def test_what_a_step_may_not_do(fault, said, recorder):
    optimiser = Momentum(np.zeros(3, np.float32))

    def body(x):
        optimiser.step(x)
        return fault(x)

    step = backends.capture(body, optimiser)
    step(np.ones(3, np.float32))
    held = optimiser.parameters[0].data
    with pytest.raises(GraphError, match=said):
        step(np.ones(3, np.float32))
    assert optimiser.parameters[0].data is held and np.isfinite(held.get()).all()
    assert not graph.recording() and recorder.calls[-1] == "wait"


def test_only_a_gpu_has_graphs():
    with backends.using("numpy"), pytest.raises(ArgumentError, match=r'"numpy"(.|\n)*use\("cupy"\)'):
        backends.capture(lambda: None, None)


def test_numbers_are_plain_arrays_outside_a_recording():
    calls = []
    with backends.using("numpy"):
        backends.each_step(lambda: calls.append(1))
        assert backends.device_numbers(lambda: (1, 2), np.int64).tolist() == [1, 2]
    assert calls == [1] and not graph.recording()
