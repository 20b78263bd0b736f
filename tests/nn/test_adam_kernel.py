"""The compiled step of Adam and AdamW is the array version's, also for forms that it does not cover."""

import numpy as np
import pytest

from minattn import backends
from minattn.nn import Parameter
from minattn.nn.optim import Adam, AdamW


def trained(backend, make, shape, bits=32, grad=lambda g: g):
    """The parameter and the optimiser's state after three steps."""
    rng = np.random.default_rng(0)
    with backends.using(backend):
        parameter = Parameter(rng.normal(size=shape))
        parameter.data = parameter.data.astype(f"float{bits}")
        optimiser = make([parameter])
        for _ in range(3):
            parameter.grad = grad(rng.normal(size=shape).astype(f"float{bits}"))
            optimiser.step()
        return parameter.data, *optimiser.state[0].values()


MAKERS = [lambda p: Adam(p, lr=0.1), lambda p: AdamW(p, lr=0.1, decay=0.3, betas=(0.7, 0.9))]


@pytest.mark.parametrize("make", MAKERS, ids=["Adam", "AdamW"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (263, 257), (0, 3)])
def test_steps_are_those_of_the_array_version(make, shape):
    for got, want in zip(trained("numba", make, shape), trained("numpy", make, shape)):
        assert got.shape == want.shape and got.dtype == want.dtype
        assert np.allclose(got, want, rtol=1e-5, atol=1e-6)


def test_other_layouts_fall_back():
    def transposed(g):
        return np.ascontiguousarray(g.T).T

    for got, want in zip(
        trained("numba", MAKERS[1], (3, 5), grad=transposed), trained("numpy", MAKERS[1], (3, 5))
    ):
        assert np.allclose(got, want, rtol=1e-5, atol=1e-6)


def test_body_as_plain_python_is_the_compiled_one():
    compiled = trained("numba", MAKERS[1], (3, 5))
    with backends.without_compiler():
        plain = trained("numba", MAKERS[1], (3, 5))
    assert all(np.allclose(a, b, rtol=1e-6, atol=1e-7) for a, b in zip(compiled, plain))


def test_old_values_stay_as_they_are():
    with backends.using("numba"):
        parameter = Parameter(np.ones(3))
        before = parameter.data
        optimiser = Adam([parameter], lr=0.1)
        parameter.grad = np.ones(3, np.float32)
        optimiser.step()
    assert before.tolist() == [1, 1, 1] and parameter.data is not before
