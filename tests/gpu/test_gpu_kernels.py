"""Every CUDA kernel on a card, against the array version in float64.

`tests/autodiff/test_primitives.py` runs every primitive's own samples there; here are the tails of warps,
blocks and tiles, arrays with gaps, sizes as they are trained with, and a second run of the same launch.
"""

import cuda_samples
import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import PRIMITIVES, Tensor, precision
from minattn.autodiff.primitive import call
from minattn.backends import asnumpy

pytestmark = pytest.mark.gpu
NAMES = (
    "attention", "cross_entropy", "dropout", "embedding", "gelu", "gru", "layer_norm", "lstm", "rms_norm",
    "rnn", "rotary", "silu", "softmax", "swiglu",
)  # fmt: skip


def samples(name):
    return list(cuda_samples.more_samples(name, np.random.default_rng(1)))


CASES = [(name, i) for name in NAMES for i in range(len(samples(name)))]


def strided(array):
    return array.repeat(2, axis=-1)[..., ::2] if array.ndim else array


def run(name, sample, bits, layout=lambda array: array):
    """(value, gradients) of a sample on the backend in use; the gradients of a random weighting."""
    args, static = sample
    leaves, entered = [], []
    with precision(bits):
        for i, a in enumerate(args):
            if isinstance(a, np.ndarray):
                a = a.astype(f"float{bits}") if a.dtype.kind == "f" else a
                a = layout(backends.xp.asarray(a))
                if a.dtype.kind == "f" and (name, i) not in cuda_samples.CONSTANT:
                    a = Tensor(a, requires_grad=True)
                    leaves.append(a)
            entered.append(a)
        out = PRIMITIVES[name](*entered, **static)
        weight = np.random.default_rng(2).normal(size=out.shape).astype(f"float{bits}")
        out.backward(backends.xp.asarray(weight))
        return asnumpy(out.data), [asnumpy(leaf.grad) for leaf in leaves]


def close(got, want, tolerance):
    room = tolerance * max(1.0, np.abs(want).max(initial=0.0))
    return got.dtype == np.float32 and got.shape == want.shape and np.all(np.abs(got - want) <= room)


def check(name, sample, layout=lambda array: array, tolerance=1e-5):
    with backends.using("numpy"):
        value, grads = run(name, sample, 64)
    got, got_grads = run(name, sample, 32, layout)
    assert close(got, value, tolerance)
    assert all(close(g, w, 10 * tolerance) for g, w in zip(got_grads, grads, strict=True))


@pytest.mark.parametrize("layout", [lambda array: array, strided], ids=["dense", "strided"])
@pytest.mark.parametrize("name, i", CASES)
def test_kernels_agree_with_the_array_version(name, i, layout, gpu):
    check(name, samples(name)[i], layout)


def test_these_are_all_kernels_and_they_run(gpu):
    assert sorted(n for n, p in PRIMITIVES.items() if "cupy" in p.kernels | p.vjp_kernels) == sorted(NAMES)
    backends.kernel_log.clear()
    for name in NAMES:
        run(name, samples(name)[0], 32)
    ran = {(name, part) for name, backend, part in backends.kernel_log if backend == "cupy"}
    want = {(n, "forward") for n in NAMES if "cupy" in PRIMITIVES[n].kernels}
    assert ran == want | {(n, "vjp") for n in NAMES if "cupy" in PRIMITIVES[n].vjp_kernels}


LARGE = {
    "causal": cuda_samples.attention_case(0, (4, 8, 1024, 1024, 64, 64), "causal"),
    "window": cuda_samples.attention_case(1, (2, 2, 2048, 2048, 128, 128), "band", group=4),
    "padding": cuda_samples.attention_case(2, (8, 4, 300, 517, 32, 32), "keys"),
}


@pytest.mark.parametrize("name", LARGE)
def test_attention_at_the_sizes_of_training(name, gpu):
    check("attention", LARGE[name], tolerance=2e-5)


def test_a_vocabulary_and_many_rows(gpu):
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(4099, 5003)) * 3, rng.integers(0, 5003, 4099)
    check("cross_entropy", call(logits, targets, rng.random(4099) < 0.9, smoothing=0.1))
    check("layer_norm", call(rng.normal(size=(16, 1031, 768)), *rng.normal(size=(2, 768))))
    check("embedding", call(rng.normal(size=(50021, 64)), rng.integers(0, 50021, (31, 257))))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "embedding"])  # which adds in any order
def test_the_same_launch_gives_the_same_bits(name, gpu):
    sample = samples(name)[1]
    first, second = run(name, sample, 32), run(name, sample, 32)
    assert np.array_equal(first[0], second[0])
    if "norm" not in name:  # the gains' gradients are added by blocks, in any order
        assert all(np.array_equal(a, b) for a, b in zip(first[1], second[1]))
