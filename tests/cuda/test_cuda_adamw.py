"""AdamW's CUDA kernel without a card: the same text, built as C++, inside the optimiser."""

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import precision
from minattn.backends import asnumpy
from minattn.nn import Parameter
from minattn.nn.optim import Adam, AdamW

pytestmark = pytest.mark.cuda
SHAPES = ((1,), (257,), (3, 5, 67))


def walk(optimiser, dtype, to_array=np.asarray, shapes=SHAPES):
    """Parameters, means and squares after three steps with random gradients."""
    rng = np.random.default_rng(0)
    with precision(int(dtype[-2:])):
        parameters = [Parameter(to_array(rng.normal(size=shape).astype(dtype))) for shape in shapes]
    optimiser = optimiser(parameters, lr=0.03)
    for _ in range(3):
        for p in parameters:
            p.grad = to_array(np.asarray(rng.normal(size=p.shape) * 10.0 ** rng.integers(-4, 2), dtype))
        optimiser.step()
    return [asnumpy(a) for p, s in zip(parameters, optimiser.state) for a in (p.data, *s.values())]


def launches(monkeypatch):
    """The names of the kernels that are launched from now on."""
    compiled, names = backends.cuda.compiled, []

    def noted(source, options, name):
        names.append(name)
        return compiled(source, options, name)

    monkeypatch.setattr(backends.cuda, "compiled", noted)
    return names


@pytest.mark.parametrize("optimiser", [Adam, AdamW])
def test_steps_are_those_of_the_array_version(optimiser, pretended_gpu, monkeypatch):
    with backends.using("numpy"):
        want = walk(optimiser, "float64")
    names = launches(monkeypatch)
    got = walk(optimiser, "float32", pretended_gpu.array)
    assert names == ["adamw_step"] * 3  # all parameters at once
    for a, b in zip(got, want):
        assert a.dtype == np.float32 and np.abs(a - b).max() <= 1e-5 * max(1, np.abs(b).max())


def test_float64_is_left_to_the_array_version(pretended_gpu, monkeypatch):
    with backends.using("numpy"):
        want = walk(AdamW, "float64")
    names = launches(monkeypatch)
    got = walk(AdamW, "float64", pretended_gpu.array)
    assert names == [] and all(np.allclose(a, b, rtol=1e-12) for a, b in zip(got, want))
