"""AdamW's CUDA kernel without a card: the same text, built as C++, inside the optimiser."""

import cuda_on_cpu
import numpy as np
import pytest
from recording_stand_in import record_calls, record_kernels

from minattn import backends
from minattn.autodiff import precision
from minattn.backends import asnumpy, xp
from minattn.nn import Parameter
from minattn.nn.optim import SGD, Adam, AdamW, clip_grad_norm

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


@pytest.fixture
def recorder(monkeypatch):
    """Compute with the backend "cupy" and graphs, on the processor."""
    cupy, recorder = record_calls(monkeypatch)
    record_kernels(monkeypatch, recorder, cuda_on_cpu.Kernel)
    with cuda_on_cpu.on_cpu(monkeypatch, cupy):
        yield recorder


def captured_walk(optimiser, captured, max_norm):
    """Parameters, state and norms of four clipped steps whose rate changes."""
    rng = np.random.default_rng(0)
    parameters = [Parameter(xp.asarray(rng.normal(size=shape).astype(np.float32))) for shape in SHAPES]
    optimiser, norms = optimiser(parameters, lr=0.03), []

    def step(*grads):
        for p, grad in zip(parameters, grads):
            p.grad = grad * 1
        norm = clip_grad_norm(parameters, max_norm)
        optimiser.step()
        return norm

    run = backends.capture(step, optimiser) if captured else step
    for i in range(4):
        optimiser.lr = 0.03 / (1 + i)
        grads = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
        norms.append(float(run(*map(xp.asarray, grads))))
    arrays = [asnumpy(a) for p, s in zip(parameters, optimiser.state) for a in (p.data, *s.values())]
    return [*arrays, np.array(norms), np.array(optimiser.steps)]


@pytest.mark.parametrize("max_norm", [0.5, np.inf])
@pytest.mark.parametrize("optimiser", [SGD, Adam, AdamW])
def test_captured_steps_are_the_steps(optimiser, max_norm, recorder):
    want, got = captured_walk(optimiser, False, max_norm), captured_walk(optimiser, True, max_norm)
    assert recorder.calls.count("launch") == 3 and got[-1] == 4 and len(set(got[-2])) == 4
    for a, b in zip(got, want, strict=True):
        assert np.allclose(a, b, rtol=1e-6)
