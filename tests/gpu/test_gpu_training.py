"""Training on a card: optimisers, a captured step, and products in fewer digits."""

import numpy as np
import pytest

from minattn import backends
from minattn.backends import asnumpy
from minattn.errors import GraphError
from minattn.models import gpt
from minattn.nn import Dropout, Parameter
from minattn.nn.optim import SGD, Adam, AdamW, clip_grad_norm

pytestmark = pytest.mark.gpu
OPTIMISERS = {
    "sgd": lambda p: SGD(p, lr=0.03, momentum=0.9),
    "adam": lambda p: Adam(p, lr=0.03),
    "adamw": lambda p: AdamW(p, lr=0.03, decay=0.1),
}


def on_card(array):
    return backends.xp.asarray(array.astype(np.float32))


def walk(make):
    """Parameters after five steps with random gradients, cut to length 1."""
    rng = np.random.default_rng(0)
    parameters = [Parameter(on_card(rng.normal(size=shape))) for shape in ((1,), (257,), (3, 5, 67))]
    optimiser = make(parameters)
    for _ in range(5):
        for p in parameters:
            p.grad = on_card(rng.normal(size=p.shape) * 10.0 ** rng.integers(-4, 2))
        clip_grad_norm(parameters, 1.0)
        optimiser.step()
    return [asnumpy(p.data) for p in parameters]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_move_as_on_the_host(name, gpu):
    with backends.using("numpy"):
        want = walk(OPTIMISERS[name])
    for got, there in zip(walk(OPTIMISERS[name]), want):
        assert np.abs(got - there).max() <= 1e-5 * max(1, np.abs(there).max())


def test_dropout_drops_what_it_drops_on_the_host(gpu):
    def dropped(backend):
        with backends.using(backend):
            drop = Dropout(0.3, rng=np.random.default_rng(0))
            return [asnumpy(drop(np.ones((67, 1031), np.float32)).data) for _ in range(2)]

    here, there = dropped("cupy"), dropped("numpy")
    assert np.array_equal(here, there) and not np.array_equal(*here)


def train(name, captured, steps=6):
    """Losses and parameters of a small model after some steps with a changing rate."""
    rng = np.random.default_rng(0)
    model = gpt(65, d_model=64, n_heads=4, n_layers=2, rng=rng)
    for p in model.parameters():
        p.data = backends.xp.asarray(p.data)
    optimiser = OPTIMISERS[name](model.parameters())

    def step(ids):
        optimiser.zero_grad()
        loss = model.loss(ids)
        loss.backward()
        optimiser.step()
        return loss

    run, losses = backends.capture(step, optimiser) if captured else step, []
    for i in range(steps):
        optimiser.lr = (0.1 if name == "sgd" else 0.003) * (i + 1)
        losses.append(run(rng.integers(0, 65, size=(12, 65))).item())
    return np.array(losses), [asnumpy(p.data) for p in optimiser.parameters]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_captured_step_is_the_step(name, gpu):
    (want, weights), (got, moved) = train(name, False), train(name, True)
    assert np.abs(got - want).max() <= 1e-4 and len(set(got)) == 6
    for a, b in zip(moved, weights):
        assert np.abs(a - b).max() <= 2e-3 * max(1, np.abs(b).max())  # atomic sums come in any order


def test_the_device_trains_as_the_host_does(gpu):
    with backends.using("numpy"):
        want, _ = train("adamw", False)
    got, _ = train("adamw", False)
    assert np.abs(got - want).max() <= 1e-3


def test_a_step_that_looks_is_refused_and_the_card_goes_on(gpu):
    model = Parameter(gpu.ones(3, dtype=np.float32))
    optimiser = SGD([model], lr=0.1)
    step = backends.capture(lambda x: float((x * model.data).sum()), optimiser)
    step(np.ones(3, np.float32))
    with pytest.raises(GraphError):
        step(np.ones(3, np.float32))
    assert asnumpy(gpu.ones(3) + 1).tolist() == [2, 2, 2]


def products(name, x, y):
    """(what the card gives, a bound of its error for factors of fewer digits) of x @ y."""
    with backends.multiplying(name):
        got = backends.asnumpy(backends.xp.matmul(backends.xp.asarray(x), backends.xp.asarray(y)))
    return got.astype(float), np.abs(x.astype(float)) @ np.abs(y.astype(float))


SHAPES = {
    "plain": ((257, 513), (513, 129)),
    "batch": ((3, 7, 65, 33), (3, 7, 33, 64)),
    "turned": ((3, 7, 65, 33), (3, 7, 64, 33)),
    "broadcast": ((3, 1, 65, 33), (7, 33, 64)),
}


@pytest.mark.parametrize("name, share", [("float32", 2.0**-20), ("tf32", 2.0**-9), ("bf16", 2.0**-7)])
@pytest.mark.parametrize("case", SHAPES)
def test_products_are_as_exact_as_was_asked_for(case, name, share, gpu):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in SHAPES[case])
    y = y.swapaxes(-1, -2) if case == "turned" else y
    got, size = products(name, x, y)
    away = np.abs(got - x.astype(float) @ y.astype(float))
    assert np.all(away <= share * size)
    least = {"float32": 0, "tf32": 2.0**-16, "bf16": 2.0**-13}[name]
    assert away.max() >= least * size.mean()  # and no more exact: the tensor cores did it
