"""The helpers of the survey's row: gradients, tasks, the table of sections."""

import inspect

import numpy as np
import pytest

from minattn.autodiff import Tensor, no_grad, precision
from minattn.nn import LSTM, RNN
from minattn.papers.survey import rnn_gradients, rnn_intro, rnn_sections
from minattn.papers.survey.rnn_tasks import DRAW, answered, asked

WORLD = rnn_intro.world(100)
ARMS = rnn_intro.arms(WORLD)


@pytest.mark.parametrize("cell, which", [(RNN, 0), (LSTM, 1)])
def test_jacobian_agrees_with_differences(cell, which):
    with precision(64):
        rng, n, eps = np.random.default_rng(0), 5, 1e-6
        layer, x = cell(3, n, rng=rng), rng.normal(size=(1, 7, 3))
        state = [rng.normal(size=(1, 1, n)) for _ in range(layer.n_states)]

        def after(shift):
            moved = [Tensor(s + shift * (i == which)) for i, s in enumerate(state)]
            last = layer(x, state=moved if which else moved[0])[1]
            return (last[1] if which else last).data[0, 0]

        columns = [(after(eps * e) - after(-eps * e)) / (2 * eps) for e in np.eye(n)]
        start = [Tensor(s) for s in state]
        found = rnn_gradients.jacobian(layer, x, tuple(start) if which else start[0])
        assert np.allclose(found, np.stack(columns, axis=1), atol=1e-8)


def test_norms_go_from_one_step_back_to_the_start():
    layer, x = RNN(3, 5, rng=np.random.default_rng(0)), np.random.default_rng(1).normal(size=(1, 7, 3))
    found = rnn_gradients.norms(layer, x)
    last, before = layer(x)[0].data[0, -1], layer(x[:, :-1])[1]
    one = (1 - last**2)[:, None] * layer.scans[0].w_h.data
    assert found.shape == (7,) and found[0] == pytest.approx(np.linalg.norm(one, 2), rel=1e-5)
    assert np.allclose(rnn_gradients.jacobian(layer, x[:, -1:], before), one, atol=1e-6)
    whole = rnn_gradients.jacobian(layer, x, rnn_gradients.rest(layer))
    assert found[-1] == pytest.approx(np.linalg.norm(whole, 2), rel=1e-5)


@pytest.mark.parametrize("radius", [0.8, 1.3])
def test_radius_is_the_size_of_the_largest_eigenvalue(radius):
    w = rnn_gradients.rnn_of_radius(radius, np.random.default_rng(0)).scans[0].w_h.data
    assert np.abs(np.linalg.eigvals(w)).max() == pytest.approx(radius, rel=1e-4)


def test_every_check_stands_in_the_table():
    checks = {
        f
        for name, f in inspect.getmembers(rnn_sections, inspect.isfunction)
        if f.__module__ == rnn_sections.__name__ and not name.startswith("_")
    }
    assert {f for _, listed in rnn_sections.SECTIONS.values() for f in listed} == checks


@pytest.mark.parametrize("name", [name for name, arm in ARMS.items() if arm.steps])
def test_each_arm_understands_its_task(name):
    arm = ARMS[name]
    model, (task, answer) = arm.build(np.random.default_rng(0)).eval(), arm.settings.values()
    batch = DRAW[task](np.random.default_rng(1), 3)
    assert model.loss(**asked(model, batch, answer)).item() > 0
    with no_grad():
        said = answered(model, batch, answer)
    assert said.shape == batch[answer].shape and said.dtype.kind == "i"


def test_stray_answers_are_counted():
    def stray(name):
        model = ARMS[name].build(np.random.default_rng(0)).eval()
        return rnn_intro.measure(model, WORLD, ARMS[name])[rnn_intro.FOREIGN]

    assert stray("pointer") == 0 and stray("values") > 0.9


def test_a_seed_has_its_own_test_sets_apart_from_what_is_trained_on():
    again, other = rnn_intro.world(100), rnn_intro.world(101)
    inputs = [w["reversal"]["accuracy"]["inputs"] for w in (WORLD, again, other)]
    assert np.array_equal(inputs[0], inputs[1]) and not np.array_equal(inputs[0], inputs[2])
    trained = DRAW["reversal"](np.random.default_rng(100), 500)["inputs"]
    assert not np.array_equal(trained, inputs[0])
