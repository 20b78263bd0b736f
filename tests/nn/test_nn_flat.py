"""Parameters end to end in one array: what users do to them must not come between."""

import copy
import pickle
import sys

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import ops
from minattn.errors import ShapeError
from minattn.nn import Linear, Module, Parameter
from minattn.nn.flat import Flat
from minattn.nn.optim import SGD, Adam, AdamW

SHAPES = ((3, 5), (), (7,), (0, 2), (2, 1, 11))


def made(rng, dtype="float32"):
    """A parameter of each shape."""
    parameters = [Parameter(rng.normal(size=shape)) for shape in SHAPES]
    for p in parameters:
        p.data = p.data.astype(dtype)
    return parameters


def give(parameters, seed=0, without=()):
    """Random gradients, but for the parameters of these numbers."""
    rng = np.random.default_rng(seed)
    for i, p in enumerate(parameters):
        p.grad = None if i in without else rng.normal(size=p.shape).astype(p.dtype)


def test_data_are_parts_of_one_array(rng):
    parameters = made(rng)
    before = [p.data.copy() for p in parameters]
    flat = Flat(parameters, ("mean",))
    assert flat.values.shape == flat.state["mean"].shape == (0 + 1 + 7 + 15 + 22,)
    assert [p.size for p in flat.parameters] == [0, 1, 7, 15, 22]
    for p, old in zip(parameters, before):
        assert p.shape == old.shape and np.array_equal(p.data, old)
        assert p.size == 0 or np.shares_memory(p.data, flat.values)


@pytest.mark.parametrize(
    "without, want",
    [
        ((), [(0, 23), (23, 45)]),
        ((1,), [(1, 23), (23, 45)]),
        ((2,), [(0, 1), (8, 23), (23, 45)]),
        ((0, 4), [(0, 8)]),
        ((0, 1, 2), [(23, 45)]),
        ((0, 1, 2, 3, 4), []),
    ],
)
def test_small_neighbours_share_a_slice(rng, monkeypatch, without, want):
    monkeypatch.setattr(sys.modules["minattn.nn.flat"], "LARGE", 16)
    parameters = made(rng)
    flat = Flat(parameters, ())
    give(parameters, without=without)
    parameters[4].grad = None if 4 in without else np.asfortranarray(parameters[4].grad)
    found = flat.gather()
    assert sorted((part.start, part.stop) for part, _ in found) == want
    whole = np.zeros(45, np.float32)
    for part, grad in found:
        whole[part] = grad
    for p, grad in zip(flat.parameters, flat.parts(whole)):
        assert np.array_equal(grad, np.zeros(p.shape) if p.grad is None else p.grad)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("make", [SGD, Adam, AdamW])
def test_a_parameter_without_gradient_stays_with_its_state(rng, backend, make):
    with backends.using(backend):
        parameters = made(rng)
        optimiser = make(parameters, lr=0.1)
        give(parameters)
        optimiser.step()
        before, state = parameters[2].data.copy(), copy.deepcopy(optimiser.state[2])
        give(parameters, 1, without=[2])
        optimiser.step()
        assert np.array_equal(parameters[2].data, before)
        assert all(np.array_equal(a, state[name]) for name, a in optimiser.state[2].items())


def test_another_array_may_be_put_in_its_place(rng):
    parameters = made(rng)
    optimiser = SGD(parameters, lr=0.5)
    mine = np.ones((3, 5))
    parameters[0].data = mine
    give(parameters, without=[1, 2, 3, 4])
    optimiser.step()
    np.testing.assert_allclose(parameters[0].data, 1 - 0.5 * parameters[0].grad, rtol=1e-6)
    assert (mine == 1).all() and parameters[0].dtype == np.float32


@pytest.mark.parametrize("what", ["data", "grad"])
def test_an_array_of_another_shape_is_refused(rng, what):
    parameters = made(rng)
    optimiser = SGD(parameters, lr=0.5)
    give(parameters)
    setattr(parameters[0], what, np.ones((1, 5), np.float32))
    with pytest.raises(ShapeError, match=f"parameter.{what}"):
        optimiser.step()


def test_a_loaded_model_goes_on_from_the_loaded_numbers(rng):
    layer = Linear(3, 5, rng=rng)
    optimiser = SGD(layer.parameters(), lr=1.0)
    state = {name: np.full_like(a, 2.0) for name, a in layer.state_dict().items()}
    layer.load_state_dict(state)
    for p in layer.parameters():
        p.grad = np.ones_like(p.data)
    optimiser.step()
    assert all((p.data == 1).all() for p in layer.parameters())
    assert all((a == 2).all() for a in state.values())


def test_two_optimisers_over_one_model_take_turns(rng):
    parameters, twins = made(rng), made(np.random.default_rng(1234))
    one, two = SGD(parameters, lr=0.1), SGD(parameters[::-1], lr=0.3)
    for turn in range(4):
        give(parameters, turn)
        (one, two)[turn % 2].step()
        for p, twin in zip(parameters, twins):
            twin.data = twin.data - np.float32((0.1, 0.3)[turn % 2]) * p.grad
    for p, twin in zip(parameters, twins):
        np.testing.assert_allclose(p.data, twin.data, rtol=1e-5)


def test_parameters_of_both_precisions(rng):
    single, double = made(rng), made(rng, "float64")
    mixed = [p for pair in zip(single, double) for p in pair]
    optimiser = AdamW(mixed, lr=0.1)
    before = [p.data.copy() for p in mixed]
    give(mixed)
    optimiser.step()
    assert len(optimiser.flats) == 2
    for p, old, state in zip(mixed, before, optimiser.state):
        assert p.dtype == old.dtype == state["mean"].dtype and state["mean"].shape == p.shape
        np.testing.assert_allclose(p.data, 0.999 * old - 0.1 * np.sign(p.grad), rtol=1e-4, atol=1e-5)


def test_a_parameter_that_comes_twice_moves_once():
    w = Parameter(np.zeros(3))
    optimiser = SGD([w, w], lr=1.0)
    w.grad = np.ones(3, np.float32)
    optimiser.step()
    assert w.data.tolist() == [-1, -1, -1] and len(optimiser.state_dict()) == 3


class Tied(Module):
    def __init__(self, rng):
        self.first, self.second = Linear(3, 3, rng=rng), Linear(3, 3, rng=rng)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(ops.tanh(self.first(x)))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_copy_of_model_and_optimiser_trains_on_its_own(rng, duplicate):
    model, x = Tied(rng), rng.normal(size=(5, 3))
    optimiser = Adam(model.parameters(), lr=0.1)

    def step(model, optimiser):
        optimiser.zero_grad()
        (model(x) ** 2).sum().backward()
        optimiser.step()
        return model.state_dict()

    step(model, optimiser)
    pair = duplicate((model, optimiser))
    before = model.state_dict()
    theirs = step(*pair)
    assert all(np.array_equal(a, model.state_dict()[name]) for name, a in before.items())
    ours = step(model, optimiser)
    assert all(np.array_equal(a, theirs[name]) and (a != before[name]).any() for name, a in ours.items())


def test_what_was_computed_before_a_step_stays(rng):
    layer = Linear(3, 5, rng=rng)
    optimiser = AdamW(layer.parameters(), lr=0.1)
    out = layer(rng.normal(size=(2, 3)))
    out.sum().backward()
    kept = [out.data, *(p.grad for p in layer.parameters()), *layer.state_dict().values()]
    copies = [a.copy() for a in kept]
    seen = layer.weight.numpy()
    optimiser.step()
    assert all(np.array_equal(a, b) for a, b in zip(kept, copies))
    assert seen is layer.weight.data, "a parameter's own array moves with it"


@pytest.mark.parametrize("make", [SGD, Adam, AdamW])
def test_an_optimiser_made_on_the_host_goes_on_on_a_device(rng, make, device):
    with backends.using("numpy"):
        layer, twin = (Linear(3, 5, rng=np.random.default_rng(0)) for _ in range(2))
        optimisers = [make(m.parameters(), lr=0.1) for m in (layer, twin)]
        for m, optimiser in zip((layer, twin), optimisers):
            give(m.parameters())
            optimiser.step()
    layer.load_state_dict(layer.state_dict())
    optimisers[0].load_state_dict(optimisers[0].state_dict())
    give(layer.parameters(), 1)
    for p in layer.parameters():
        p.grad = backends.xp.asarray(p.grad)
    optimisers[0].step()
    with backends.using("numpy"):
        give(twin.parameters(), 1)
        optimisers[1].step()
    for a, b in zip(layer.parameters(), twin.parameters()):
        np.testing.assert_allclose(a.numpy(), b.data, rtol=1e-6)
