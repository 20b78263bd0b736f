"""Turned pairs: layouts, odd sizes, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, ops
from minattn.errors import ShapeError


def turned(backend, x, g, cos, sin):
    with backends.using(backend):
        x = Tensor(x, requires_grad=True)
        out = ops.rotary(x, cos, sin)
        out.backward(g)
        return out.numpy(), x.grad


@settings(max_examples=25, deadline=None)
@given(sizes=st.tuples(*[st.integers(1, 7)] * 4), heads_last=st.booleans(), seed=st.integers(0, 99))
def test_the_kernel_is_the_array_form_in_every_layout(sizes, heads_last, seed):
    rng, (b, h, t, pairs) = np.random.default_rng(seed), sizes
    shape = (b, t, h, 2 * pairs) if heads_last else (b, h, t, 2 * pairs)
    x, g = (rng.normal(size=shape).astype("f4") for _ in range(2))
    if heads_last:
        x, g = x.swapaxes(1, 2), g.swapaxes(1, 2)
    angles = rng.normal(size=(t, pairs)).astype("f4")
    for got, want in zip(
        *(turned(name, x, g, np.cos(angles), np.sin(angles)) for name in ("numba", "numpy"))
    ):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize(
    "x, cos, sin",
    [((5,), (5, 3), (5, 3)), ((5, 7), (5, 3), (5, 3)), ((5, 6), (5, 3), (5, 1)), ((5, 6), (1, 3), (1, 3))],
)
def test_shapes_that_do_not_fit_are_named(x, cos, sin):
    with pytest.raises(ShapeError, match="one angle a pair"):
        ops.rotary(np.zeros(x), np.zeros(cos), np.zeros(sin))


def test_gradients_lie_in_memory_as_the_input_does():
    x = np.zeros((2, 5, 3, 4), "f4").swapaxes(1, 2)
    with backends.using("numba"):
        out = ops.rotary(Tensor(x, requires_grad=True), np.ones((5, 2), "f4"), np.zeros((5, 2), "f4"))
        grad = out.node.primitive.gradients(np.ones(out.shape, "f4"), out.data, out.node)[0]
    assert grad.strides == x.strides and (grad == 1).all()
