"""A whole training step as a graph, without a card: kernels are built as C++, launches are written down."""

from types import SimpleNamespace

import numpy as np
import pytest

from minattn import backends
from minattn.attention import Causal, LearnedPositions, multi_head
from minattn.autodiff import ops
from minattn.backends import asnumpy, xp
from minattn.models import LanguageModel, gpt
from minattn.nn import GRU, Dropout, Embedding, LayerNorm, Linear, Module, SwiGLU
from minattn.nn.optim import SGD, Adam, AdamW, clip_grad_norm

pytestmark = pytest.mark.cuda


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


class Reader(Module):
    """A recurrent network that predicts the next token, with dropout."""

    def __init__(self, rng):
        self.embed, self.gru = Embedding(11, 8, rng=rng), GRU(8, 5, rng=rng)
        self.drop, self.out = Dropout(0.3, rng=rng), Linear(5, 11, rng=rng)

    def loss(self, ids):
        states, _ = self.gru(self.embed(ids[:, :-1]))
        return ops.cross_entropy(self.out(self.drop(states)), ids[:, 1:])


OPTIMISERS = {
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.5),
    "adam": lambda p: Adam(p, lr=0.01),
    "adamw": lambda p: AdamW(p, lr=0.01, decay=0.1),
}


def train(make, optimiser, captured, clip=None, steps=4):
    """Losses, parameters and the count after some steps whose rate changes."""
    rng = np.random.default_rng(0)
    model = make(rng)
    for p in model.parameters():
        p.data = xp.asarray(p.data)
    optimiser = OPTIMISERS[optimiser](model.parameters())

    def step(ids):
        optimiser.zero_grad()
        loss = model.loss(ids)
        loss.backward()
        if clip is not None:
            clip_grad_norm(optimiser.parameters, clip)
        optimiser.step()
        return loss

    run, losses, data = backends.capture(step, optimiser) if captured else step, [], np.random.default_rng(1)
    for _ in range(steps):
        optimiser.lr *= 1.5
        losses.append(run(xp.asarray(data.integers(0, 11, size=(3, 6)))).item())
    return losses, [asnumpy(p.data) for p in optimiser.parameters], optimiser.steps


@pytest.mark.parametrize(
    "make, optimiser, clip",
    [
        (small_gpt, "adamw", None),
        (small_gpt, "sgd", 0.1),
        (other_parts, "adamw", 0.1),
        (Reader, "adam", None),
        (Reader, "adamw", 1e-3),
    ],
)
def test_captured_steps_are_the_steps(make, optimiser, clip, recorder):
    (want, weights, _), (got, moved, count) = (train(make, optimiser, c, clip) for c in (False, True))
    assert recorder.calls.count("begin") == 1 and recorder.calls.count("launch") == 3 and count == 4
    assert got == want and len(set(got)) == 4
    assert all(np.array_equal(a, b) for a, b in zip(moved, weights))


def dropped(captured):
    """Four steps through a layer that draws a key at each."""
    drop = Dropout(0.5, rng=np.random.default_rng(0))
    run = backends.capture(drop, SimpleNamespace(parameters=[])) if captured else drop
    return [asnumpy(run(xp.asarray(np.ones(67, np.float32))).data) for _ in range(4)]


def test_dropout_draws_at_every_launch(recorder):
    want, got = dropped(False), dropped(True)
    assert np.array_equal(got, want) and len({a.tobytes() for a in got}) == 4
