"""The compiled scans: values and gradients of the array versions, for all sizes, paddings and threads."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, ops, precision

pool = sys.modules["minattn.backends.threads"]
compiling = sys.modules["minattn.backends.compile"]
scan_kernels = sys.modules["minattn.autodiff.ops.scan_kernels"]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
kinds = pytest.mark.parametrize("kind", GATES)


@pytest.fixture(autouse=True)
def no_size_is_too_small(monkeypatch):
    monkeypatch.setattr(scan_kernels, "SMALL", 0)
    monkeypatch.setattr(scan_kernels, "PER_ROW", 1 << 60)


def results(backend, kind, sizes, bits=32, biases=True, lengths=None, **options):
    """Output and gradients of one scan over (batch, steps, n_in, n_hidden) = sizes."""
    (batch, steps, n_in, size), rng = sizes, np.random.default_rng(0)
    rows, bound = GATES[kind] * size, size**-0.5
    shapes = [(rows, n_in), (rows, size), (rows,), (rows,), *[(batch, size)] * (2 if kind == "lstm" else 1)]
    arrays = [rng.normal(size=(batch, steps, n_in)), *(rng.uniform(-bound, bound, s) for s in shapes)]
    weight = rng.normal(size=(batch, steps, (2 if kind == "lstm" else 1) * size))
    valid = None if lengths is None else np.arange(steps) < np.array(lengths)[:, None]
    with backends.using(backend), precision(bits):
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        given = leaves if biases else [*leaves[:3], None, None, *leaves[5:]]
        out = getattr(ops, kind)(*given, valid=valid, **options)
        out = ops.concatenate(out, axis=-1) if kind == "lstm" else out
        out.backward(weight.astype(out.dtype))
        return [out.data, *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def agree(got, want, value=1e-5, gradient=1e-4):
    assert len(got) == len(want)
    for i, (g, w) in enumerate(zip(got, want)):
        assert g.shape == w.shape and g.dtype == w.dtype
        np.testing.assert_allclose(g, w, rtol=0, atol=(gradient if i else value) * max(1, np.abs(w).max()))


def ran(kind, part):
    return backends.dispatch.kernel_log[kind, "numba", part]


@given(
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 5), st.integers(1, 5), st.integers(1, 13)),
    kind=st.sampled_from(sorted(GATES)),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    rng=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_sizes(sizes, kind, flags, rng):
    padded, biases, reverse = flags
    lengths = [rng.randint(0, sizes[1]) for _ in range(sizes[0])] if padded else None
    options = {"biases": biases, "lengths": lengths, "reverse": reverse}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_kernels, "SMALL", 0)
        patch.setattr(scan_kernels, "PER_ROW", 1 << 60)
        before = ran(kind, "forward"), ran(kind, "vjp")
        got = results("numba", kind, sizes, **options)
        assert (ran(kind, "forward"), ran(kind, "vjp")) == (before[0] + 1, before[1] + 1)
    agree(got, results("numpy", kind, sizes, **options))


@kinds
@pytest.mark.parametrize("size", [61, 64, 67, 131])
def test_states_of_several_blocks(kind, size):
    options = {"lengths": [3, 0, 1, 2, 3]}
    agree(
        results("numba", kind, (5, 3, 2, size), **options), results("numpy", kind, (5, 3, 2, size), **options)
    )


@kinds
def test_float64(kind):
    both = (results(backend, kind, (3, 5, 2, 67), bits=64) for backend in ("numba", "numpy"))
    agree(*both, value=1e-10, gradient=1e-10)


@kinds
def test_any_number_of_threads(kind, monkeypatch):
    monkeypatch.setattr(compiling, "SMALL", 0)
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    found = []
    for n in (1, 2):
        monkeypatch.setattr(pool, "_wanted", n)
        found.append(results("numba", kind, (37, 3, 5, 11), lengths=[i % 4 for i in range(37)]))
    agree(*found, value=1e-6, gradient=1e-6)
    agree(found[1], results("numpy", kind, (37, 3, 5, 11), lengths=[i % 4 for i in range(37)]))


@kinds
def test_large_states_saturate_without_nan(kind):
    """Gates of +-1000: states stay within 1, gradients are numbers and vanish."""
    x = Tensor(np.array([[[1e3], [-1e3], [1e3]]], dtype=np.float32), requires_grad=True)
    rows = GATES[kind] * 2
    with backends.using("numba"):
        w_x, w_h = np.ones((rows, 1), np.float32), np.zeros((rows, 2), np.float32)
        out = getattr(ops, kind)(x, w_x, w_h)
        out = out[0] if kind == "lstm" else out
        out.sum().backward()
    assert np.isfinite(out.data).all() and np.abs(out.data).max() <= 1
    assert np.abs(x.grad).max() < 1e-30


def test_shares_are_equal_and_neither_small_nor_large(monkeypatch):
    monkeypatch.setattr(pool, "_wanted", 2)
    monkeypatch.setattr(pool, "_cores", lambda: 2)
    assert [scan_kernels.share(n) for n in (0, 1, 8, 9, 32, 33, 64, 96)] == [4, 4, 4, 5, 16, 9, 16, 16]


@pytest.mark.parametrize(
    ("sizes", "reason"), [((3, 1, 2, 5), "one small step"), ((1, 2, 2, 300), "too few steps and sequences")]
)
def test_kernels_decline_where_array_code_is_faster(sizes, reason, monkeypatch):
    monkeypatch.setattr(scan_kernels, "SMALL", 1 << 16)
    monkeypatch.setattr(scan_kernels, "PER_ROW", 1 << 15)
    log = backends.dispatch.declined_log
    count = sum(n for key, n in log.items() if key[0] == "lstm" and key[3].startswith(reason))
    got = results("numba", "lstm", sizes)
    assert sum(n for key, n in log.items() if key[0] == "lstm" and key[3].startswith(reason)) == count + 1
    agree(got, results("numpy", "lstm", sizes))
