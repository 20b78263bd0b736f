import math

import numpy as np
import pytest

from minattn import Tensor, gradcheck, precision
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.nn import SGLU, FeedForward, Linear, SwiGLU


@pytest.mark.parametrize("lead", [(), (7,), (2, 5), (0,)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_x_w_transposed_plus_b(rng, lead, bias):
    with precision(64):
        layer = Linear(3, 11, rng=rng, bias=bias)
        if bias:
            layer.bias.data[:] = rng.normal(size=11)
        x = rng.normal(size=(*lead, 3))
        expected = x @ layer.weight.data.T + (layer.bias.data if bias else 0)
        np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-12)
    assert (layer.bias is None) is not bias


def test_linear_starts_evenly_in_one_over_root_n(rng):
    weight = Linear(64, 500, rng=rng).weight.data
    assert np.abs(weight).max() <= 1 / 8 and np.abs(weight).max() > 0.99 / 8
    assert abs(weight.mean()) < 0.002 and abs(weight.std() - 1 / 8 / math.sqrt(3)) < 0.001
    assert not Linear(64, 5, rng=rng).bias.data.any()


def test_the_same_generator_state_gives_the_same_layer():
    one, two = (Linear(3, 5, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.weight.data, two.weight.data)


def test_feed_forward_is_its_equation(rng):
    with precision(64):
        block, x = FeedForward(3, 7, rng=rng), rng.normal(size=(2, 5, 3))
        h = x @ block.w_1.weight.data.T + block.w_1.bias.data
        h = 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        expected = h @ block.w_2.weight.data.T + block.w_2.bias.data
        np.testing.assert_allclose(block(x).numpy(), expected, rtol=1e-10)


def test_swiglu_is_its_equation_without_biases(rng):
    with precision(64):
        block, x = SwiGLU(3, 7, rng=rng), rng.normal(size=(2, 5, 3))
        h = x @ block.w_1.weight.data.T
        expected = (h / (1 + np.exp(-h)) * (x @ block.v.weight.data.T)) @ block.w_2.weight.data.T
        np.testing.assert_allclose(block(x).numpy(), expected, rtol=1e-10)
    assert block.n_parameters() == 3 * 3 * 7


@pytest.mark.parametrize("make", [lambda r: Linear(3, 2, rng=r), lambda r: FeedForward(3, 7, rng=r)])
def test_input_that_does_not_fit(rng, make):
    layer = make(rng)
    with pytest.raises(ShapeError, match=r"expected: \(\.\., 3\)\n  got:      \(2, 5\)"):
        layer(np.ones((2, 5)))
    with pytest.raises(ShapeError):
        layer(Tensor(1.0))
    with pytest.raises(DTypeError, match="Embedding"):
        layer(np.ones((2, 3), dtype=int))


@pytest.mark.parametrize("sizes", [(0, 3), (3, -1), (2.5, 3), (3, True), ("3", 3)])
def test_sizes_are_positive_integers(rng, sizes):
    with pytest.raises(ArgumentError, match="an integer >= 1"):
        Linear(*sizes, rng=rng)


def test_rng_is_a_generator():
    with pytest.raises(ArgumentError, match=r"default_rng\(0\)"):
        Linear(2, 3, rng=0)


def test_sglu_is_a_product_of_two_maps(rng):
    x = rng.normal(size=(2, 3, 5))
    with precision(64):
        block = SGLU(5, 7, rng=rng)
        one, two, three = (p.numpy() for p in block.parameters())
        np.testing.assert_allclose(block(x).numpy(), ((x @ one.T) * (x @ two.T)) @ three.T)
        gradcheck(block, x)
    assert block.n_parameters() == 3 * 5 * 7
