"""A whole training step as a graph, without a card: kernels are built as C++, launches are written down."""

import cuda_on_cpu
import numpy as np
import pytest
from recording_stand_in import record_calls, record_kernels

from minattn import backends
from minattn.attention import Causal, LearnedPositions, multi_head
from minattn.backends import asnumpy, xp
from minattn.models import LanguageModel, gpt
from minattn.nn import Dropout, LayerNorm, SwiGLU

pytestmark = pytest.mark.cuda


@pytest.fixture
def recorder(monkeypatch):
    """Compute with the backend "cupy" and graphs, on the processor."""
    cupy, recorder = record_calls(monkeypatch)
    record_kernels(monkeypatch, recorder, cuda_on_cpu.Kernel)
    with cuda_on_cpu.on_cpu(monkeypatch, cupy):
        yield recorder


def small_gpt(rng):
    return gpt(11, d_model=8, n_heads=2, n_layers=2, rng=rng)


def other_parts(rng):
    def attention():
        return multi_head(8, 2, rng=rng, masks=[Causal()])

    parts = {"feed_forward": lambda: SwiGLU(8, 16, rng=rng), "norm": LayerNorm}
    positions = LearnedPositions(7, 8, rng=rng)
    return LanguageModel(
        11, d_model=8, n_layers=1, attention=attention, positions=positions, **parts, rng=rng
    )


class Descent:
    """w <- w - lr g, with a rate that changes from step to step."""

    def __init__(self, parameters, lr):
        self.parameters, self.lr, self.steps = parameters, lr, 0

    def count(self):
        self.steps += 1

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def step(self):
        backends.each_step(self.count)
        rate = backends.device_numbers(lambda: [self.lr])
        for p in self.parameters:
            p.data = p.data - rate * p.grad


def train(make, captured, steps=4):
    """Losses, parameters and the count after some steps whose rate changes."""
    rng = np.random.default_rng(0)
    model = make(rng)
    for p in model.parameters():
        p.data = xp.asarray(p.data)
    optimiser = Descent(list(model.parameters()), 0.1)

    def step(ids):
        optimiser.zero_grad()
        loss = model.loss(ids)
        loss.backward()
        optimiser.step()
        return loss

    run, losses = backends.capture(step, optimiser) if captured else step, []
    for i in range(steps):
        optimiser.lr = 0.1 * (i + 1)
        losses.append(run(xp.asarray(rng.integers(0, 11, size=(3, 6)))).item())
    return losses, [asnumpy(p.data) for p in optimiser.parameters], optimiser.steps


@pytest.mark.parametrize("make", [small_gpt, other_parts])
def test_captured_steps_are_the_steps(make, recorder):
    (want, weights, _), (got, moved, count) = train(make, False), train(make, True)
    assert recorder.calls.count("begin") == 1 and recorder.calls.count("launch") == 3 and count == 4
    assert got == want and len(set(got)) == 4
    assert all(np.array_equal(a, b) for a, b in zip(moved, weights))


def dropped(captured):
    """Four steps through a layer that draws a key at each."""
    drop = Dropout(0.5, rng=np.random.default_rng(0))
    run = backends.capture(drop, Descent([], 0.1)) if captured else drop
    return [asnumpy(run(xp.asarray(np.ones(67, np.float32))).data) for _ in range(4)]


def test_dropout_draws_at_every_launch(recorder):
    want, got = dropped(False), dropped(True)
    assert np.array_equal(got, want) and len({a.tobytes() for a in got}) == 4
