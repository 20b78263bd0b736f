"""The CUDA kernels' arithmetic, on a machine without a card: the same text, built as C++.

Truth is the array version in float64. Values may differ by 1e-5 and gradients by 1e-4 of the largest.
"""

import importlib

import numpy as np
import pytest
from cuda_on_cpu import on_cpu
from cuda_samples import ATTENTION_KINDS, CONSTANT, attention_case, more_samples
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import PRIMITIVES, Tensor, precision
from minattn.backends import asnumpy

pytestmark = pytest.mark.cuda
importlib.import_module("minattn.autodiff.ops.cuda")
COVERED = sorted(n for n, p in PRIMITIVES.items() if "cupy" in p.kernels | p.vjp_kernels)


def cases():
    for name in COVERED:
        rng = np.random.default_rng(1)
        for i, sample in enumerate([*PRIMITIVES[name].draw_samples(rng), *more_samples(name, rng)]):
            yield pytest.param(name, sample, id=f"{name}-{i}")


CASES = list(cases())


def strided(array):
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def run(name, sample, bits, to_array=np.asarray, layout=np.asarray):
    """(value, gradients) of a sample; the gradients of a random weighting of the output."""
    args, static = sample
    entered, leaves = [], []
    with precision(bits):
        for i, a in enumerate(args):
            if isinstance(a, np.ndarray) and a.dtype.kind == "f":
                a = to_array(layout(a.astype(f"float{bits}")))
                if (name, i) not in CONSTANT:
                    a = Tensor(a, requires_grad=True)
                    leaves.append(a)
            elif isinstance(a, np.ndarray):
                a = to_array(layout(a))
            entered.append(a)
        out = PRIMITIVES[name](*entered, **static)
        weight = np.random.default_rng(2).normal(size=out.shape).astype(f"float{bits}")
        out.backward(to_array(layout(weight)))
        return asnumpy(out.data), [asnumpy(leaf.grad) for leaf in leaves]


def close(got, want, tolerance):
    room = tolerance * max(1.0, np.abs(want).max(initial=0.0))
    return got.dtype == np.float32 and got.shape == want.shape and np.all(np.abs(got - want) <= room)


@pytest.mark.parametrize("layout", [np.asarray, strided], ids=["dense", "strided"])
@pytest.mark.parametrize("name, sample", CASES)
def test_kernels_agree_with_the_array_version(name, sample, layout, pretended_gpu):
    with backends.using("numpy"):
        value, grads = run(name, sample, 64)
    got, got_grads = run(name, sample, 32, pretended_gpu.array, layout)
    assert close(got, value, 1e-5)
    assert len(got_grads) == len(grads)
    assert all(close(g, w, 1e-4) for g, w in zip(got_grads, grads))


@pytest.mark.parametrize("name", COVERED)
def test_kernels_really_run(name, pretended_gpu):
    rng = np.random.default_rng(1)
    samples = list(more_samples(name, rng))
    for sample in samples:
        run(name, sample, 32, pretended_gpu.array)
    for kind, kernels in (("forward", PRIMITIVES[name].kernels), ("vjp", PRIMITIVES[name].vjp_kernels)):
        assert backends.kernel_log[name, "cupy", kind] == (len(samples) if "cupy" in kernels else 0)


@pytest.mark.parametrize("name", COVERED)
def test_float64_is_left_to_the_array_version(name, pretended_gpu):
    run(name, next(more_samples(name, np.random.default_rng(1))), 64, pretended_gpu.array)
    assert sum(count for (who, backend, _), count in backends.kernel_log.items() if backend == "cupy") == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*(st.integers(1, n) for n in (2, 3, 40, 70, 40, 40))),
    kind=st.sampled_from(ATTENTION_KINDS),
    heads=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_attention_of_any_size(sizes, kind, heads, seed):
    sample = attention_case(seed, sizes, kind, group=heads)
    with backends.using("numpy"):
        value, grads = run("attention", sample, 64)
    with pytest.MonkeyPatch.context() as patch, on_cpu(patch) as namespace:
        got, got_grads = run("attention", sample, 32, namespace.array)
    assert close(got, value, 1e-5)
    assert all(close(g, w, 1e-4) for g, w in zip(got_grads, grads))
