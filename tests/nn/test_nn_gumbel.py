"""Choices that a gradient passes through."""

import numpy as np
import pytest

from minattn import Tensor, precision
from minattn.autodiff import ops
from minattn.errors import ArgumentError
from minattn.nn import gumbel_softmax


def test_every_row_is_exactly_one_hot_and_the_noise_draws_by_the_softmax(rng):
    logits = np.log([0.2, 0.5, 0.3])
    drawn = gumbel_softmax(np.broadcast_to(logits, (20_000, 3)), rng=rng, tau=0.7).numpy()
    assert set(np.unique(drawn)) == {0.0, 1.0} and (drawn.sum(-1) == 1).all()
    np.testing.assert_allclose(drawn.mean(0), [0.2, 0.5, 0.3], atol=0.015)


def test_without_noise_it_is_the_argmax_with_the_derivative_of_a_softmax(rng):
    logits, g = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    with precision(64):
        hard, soft = (Tensor(logits, requires_grad=True) for _ in range(2))
        out = gumbel_softmax(hard, tau=0.5)
        (out * g).sum().backward()
        (ops.softmax(soft * 2.0) * g).sum().backward()
    np.testing.assert_array_equal(out.numpy().argmax(-1), logits.argmax(-1))
    np.testing.assert_allclose(hard.grad, soft.grad, atol=1e-12)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ArgumentError, match="tau > 0"):
        gumbel_softmax([0.0, 1.0], tau=0)
