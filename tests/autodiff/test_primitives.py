"""Every primitive on every backend: values, gradients, dtypes, memory layouts.

The truth is the array version in float64, whose gradient central differences confirm. All others
(compiled kernels, the same bodies as plain Python, the pretended GPU) must agree with it.
"""

from contextlib import contextmanager

import device_stand_in
import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import PRIMITIVES, Tensor, gradcheck, precision
from minattn.backends import asnumpy

CONSTANT = {("attention", 4), ("attention", 5)}  # biases: without gradient, by contract
BACKENDS = ("numpy", "numba", "interpreted", "device", pytest.param("cupy", marks=pytest.mark.gpu))
TOLERANCE = {32: 2e-5, 64: 1e-10}


def samples(name):
    return PRIMITIVES[name].draw_samples(np.random.default_rng(0))


CASES = [(name, i) for name in sorted(PRIMITIVES) for i in range(len(samples(name)))]


@contextmanager
def running(backend):
    if backend == "interpreted":
        with backends.using("numba"), backends.without_compiler():
            yield
    else:
        with backends.using(backend):
            yield


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def strided(array):
    """The same numbers with gaps between them."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def map_arrays(function, value):
    """`function` on every array inside lists and tuples."""
    if isinstance(value, (list, tuple)):
        return type(value)(map_arrays(function, v) for v in value)
    return function(value) if isinstance(value, np.ndarray) else value


def run(name, sample, bits, layout=lambda array: array, to_array=lambda array: array):
    """(value, gradients, dtypes) of one sample; the gradients of a random weighting of the output."""
    args, static = sample
    with precision(bits):
        leaves = []

        def enter(array):
            array = to_array(layout(array.astype(f"float{bits}")))
            if array.dtype.kind != "f" or (name, len(leaves)) in CONSTANT:
                leaves.append(None)
                return array
            leaves.append(Tensor(array, requires_grad=True))
            return leaves[-1]

        if not isinstance(args[0], list):
            args = [
                enter(a) if is_float(a) else (leaves.append(None), map_arrays(to_array, a))[1] for a in args
            ]
        else:
            args = [[enter(a) for a in args[0]], *args[1:]]
        out = PRIMITIVES[name](*args, **static)
        weight = np.random.default_rng(1).normal(size=out.shape).astype(f"float{bits}")
        out.backward(to_array(layout(weight)))
        grads = [None if leaf is None else leaf.grad for leaf in leaves]
        dtypes = {asnumpy(a).dtype for a in (out.data, *grads) if a is not None and a.dtype.kind == "f"}
        return asnumpy(out.data), [None if g is None else asnumpy(g) for g in grads], dtypes


def truth(name, sample):
    with running("numpy"):
        value, grads, _ = run(name, sample, 64)
    return value, grads


def close(got, want, bits):
    scale = max(1.0, np.abs(want).max(initial=0.0))
    return got.shape == want.shape and np.abs(got - want).max(initial=0.0) <= TOLERANCE[bits] * scale


def test_every_primitive_has_a_derivative_and_samples():
    bare = [name for name, p in PRIMITIVES.items() if p._vjp is None or not samples(name)]
    assert bare == []


@pytest.mark.parametrize("name, i", CASES)
def test_gradient_against_central_differences(name, i):
    args, static = samples(name)[i]
    flat = args[0] if isinstance(args[0], list) else args
    floats = [j for j, a in enumerate(flat) if is_float(a) and (name, j) not in CONSTANT]

    def function(*values):
        full = list(flat)
        for j, value in zip(floats, values):
            full[j] = value
        return PRIMITIVES[name](*([full] if isinstance(args[0], list) else full), **static)

    gradcheck(function, *(flat[j] for j in floats), most=50)


@pytest.mark.parametrize("layout", [np.asarray, strided], ids=["dense", "strided"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name, i", CASES)
def test_backend_agrees(name, i, backend, layout, request):
    sample = samples(name)[i]
    value, grads = truth(name, sample)
    if backend == "device":
        request.getfixturevalue("device")
    to_device = {"device": device_stand_in.namespace.array, "cupy": lambda a: backends.xp.asarray(a)}
    to_array = to_device.get(backend, np.asarray)
    for bits in (32, 64):
        with running(backend):
            got, got_grads, dtypes = run(name, sample, bits, layout, to_array)
        assert np.isfinite(got).all()
        assert close(got, value, bits)
        assert dtypes == {np.dtype(f"float{bits}")}
        assert [g is None for g in got_grads] == [g is None for g in grads]
        assert all(close(g, w, bits) for g, w in zip(got_grads, grads) if w is not None)


@pytest.mark.parametrize("name", [name for name, p in PRIMITIVES.items() if p.kernels or p.vjp_kernels])
def test_kernels_really_run(name):
    backends.kernel_log.clear()
    with running("numba"):
        for sample in samples(name):
            run(name, sample, 64)
    ran = {kind for (who, backend, kind) in backends.kernel_log if (who, backend) == (name, "numba")}
    has = {"forward": PRIMITIVES[name].kernels, "vjp": PRIMITIVES[name].vjp_kernels}
    assert ran == {kind for kind, kernels in has.items() if "numba" in kernels}
