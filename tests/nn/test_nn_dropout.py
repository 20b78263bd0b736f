import numpy as np
import pytest

from minattn import Tensor
from minattn.errors import ArgumentError
from minattn.nn import Dropout


def test_survivors_are_scaled_so_that_the_expectation_stays(rng):
    out = Dropout(0.3, rng=rng)(np.ones((200, 300))).numpy()
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.7], rtol=1e-6)
    assert abs(out.mean() - 1) < 0.01 and abs((out == 0).mean() - 0.3) < 0.01


def test_the_gradient_passes_where_the_value_passed(rng):
    x = Tensor(np.ones((20, 30)), requires_grad=True)
    out = Dropout(0.5, rng=rng)(x)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, out.numpy())


@pytest.mark.parametrize("rate, training", [(0.5, False), (0.0, True)])
def test_without_effect_it_draws_nothing_and_returns_its_input(rng, rate, training):
    layer, x, state = Dropout(rate, rng=rng).train(training), Tensor([1.0, 2.0]), rng.bit_generator.state
    assert layer(x) is x and rng.bit_generator.state == state and not layer.acts


def test_the_same_rng_state_drops_the_same_elements(rng):
    layer, x = Dropout(0.5, rng=rng), np.ones((5, 7))
    state = rng.bit_generator.state
    first, second = layer(x).numpy(), layer(x).numpy()
    layer.rng.bit_generator.state = state
    np.testing.assert_array_equal(layer(x).numpy(), first)
    assert (first != second).any()


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rates_outside_zero_to_one(rng, rate):
    with pytest.raises(ArgumentError, match="0 <= rate < 1"):
        Dropout(rate, rng=rng)


def test_rng_is_a_generator():
    with pytest.raises(ArgumentError, match=r"Dropout\(rng\)"):
        Dropout(0.5, rng=np.random)
