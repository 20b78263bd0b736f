"""The CUDA kernels' arithmetic, on a machine without a card: the same text, built as C++.

Truth is the array version in float64. Values may differ by 1e-5 and gradients by 1e-4 of the largest.
"""

import importlib

import numpy as np
import pytest
from cuda_on_cpu import on_cpu
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import PRIMITIVES, Tensor, precision
from minattn.autodiff.primitive import call
from minattn.backends import asnumpy

pytestmark = pytest.mark.cuda
importlib.import_module("minattn.autodiff.ops.cuda")
COVERED = sorted(n for n, p in PRIMITIVES.items() if "cupy" in p.kernels | p.vjp_kernels)
CONSTANT = {("attention", 4)}


def attention_case(seed, sizes, kind=None, **static):
    """A call of attention with sizes (B, H, T, S, d, dv); `kind` says which mask and bias."""
    rng, (B, H, T, S, d, dv) = np.random.default_rng(seed), sizes
    q, k, v = (rng.normal(size=(B, H, *rest)) for rest in ((T, d), (S, d), (S, dv)))
    mask = bias = None
    if kind == "causal":
        mask = np.arange(S) <= np.arange(T)[:, None] + S - T
    elif kind == "window":
        away = np.arange(S) - np.arange(T)[:, None]
        mask = (away <= 0) & (away > -5)
    elif kind == "keys":
        mask, bias = rng.random((B, 1, 1, S)) < 0.6, rng.normal(size=(H, T, S))
    elif kind == "queries":
        mask, bias = rng.random((1, H, T, 1)) < 0.6, rng.normal(size=(B, 1, 1, S))
    elif kind == "no query":
        mask = np.zeros((T, S), bool)
    elif kind == "one":
        mask, bias = rng.random((B, H, T, S)) < 0.1, np.array(0.7)
    return call(q, k, v, mask, bias, scale=d**-0.5, **static)


def more_samples(name, rng):
    """Sizes that are no multiple of a warp, a block or a tile; empty rows; numbers far from 0."""
    normal = rng.normal
    if name == "attention":
        yield attention_case(0, (1, 1, 1, 1, 1, 1))
        yield attention_case(1, (1, 2, 1, 71, 8, 5), "keys")
        yield attention_case(2, (2, 1, 37, 67, 33, 65), "causal")
        yield attention_case(3, (1, 3, 67, 67, 16, 16), "window")
        yield attention_case(4, (2, 3, 17, 41, 31, 3), "queries")
        yield attention_case(5, (1, 2, 9, 33, 128, 97), "one")
        yield attention_case(6, (1, 1, 33, 32, 4, 32), "no query")
        yield attention_case(7, (1, 2, 65, 1, 64, 64), "causal")
    elif name == "softmax":
        mask = rng.random((5, 1, 67)) < 0.5
        mask[2] = False
        yield call(normal(size=(1, 1)))
        yield call(normal(size=(3, 5, 3, 67)), mask)
        yield call(normal(size=(5, 3, 331)) * 1e3, rng.random((3, 1)) < 0.5)
        yield call(np.where(rng.random((7, 33)) < 0.5, -np.inf, 1e-30), rng.random(33) < 0.5)
        yield call(np.full((2, 3), -np.inf))
        yield call(normal(size=(2, 3)), np.array(True))
    elif name in ("layer_norm", "rms_norm"):
        for shape in ((1, 1), (523, 37), (5, 3, 32), (2, 331)):
            weights = [normal(size=shape[-1]) for _ in range(2 if name == "layer_norm" else 1)]
            yield call(normal(size=shape) + (shape[0] > 2), *weights)
        yield call(np.zeros((3, 7)), *[np.ones(7)] * len(weights), eps=1e-3)
    elif name == "cross_entropy":
        for rows, n in ((1, 1), (1, 331), (67, 33), (9, 32)):
            counted = rng.random(rows) < 0.8
            yield call(normal(size=(rows, n)) * 9, rng.integers(0, n, rows), counted, smoothing=0.2)
    elif name == "gelu":
        yield call(np.array([[0.0, -0.0, 1e-30, -30.0, 30.0, 1e4, -1e4]]))
        yield call(normal(size=(3, 257)))
    elif name == "embedding":
        yield call(normal(size=(3, 67)), rng.integers(0, 3, size=(7, 11)))
        yield call(normal(size=(331, 1)), rng.integers(0, 331, size=257, dtype=np.int32))


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
    kind=st.sampled_from([None, "causal", "window", "keys", "queries", "no query", "one"]),
    seed=st.integers(0, 9),
)
def test_attention_of_any_size(sizes, kind, seed):
    sample = attention_case(seed, sizes, kind)
    with backends.using("numpy"):
        value, grads = run("attention", sample, 64)
    with pytest.MonkeyPatch.context() as patch, on_cpu(patch) as namespace:
        got, got_grads = run("attention", sample, 32, namespace.array)
    assert close(got, value, 1e-5)
    assert all(close(g, w, 1e-4) for g, w in zip(got_grads, grads))
