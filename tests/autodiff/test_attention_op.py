"""The fused attention equals its composition, in one piece and in tiles."""

import os
import sys
import tracemalloc

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import Tensor, no_grad, ops, precision
from minattn.errors import ArgumentError, DTypeError, ShapeError

op_module = sys.modules["minattn.autodiff.ops.attention"]
kernels = sys.modules["minattn.autodiff.ops.attention_kernels"]
RNG = np.random.default_rng(0)
COMPILED = not os.environ.get("MINATTN_NO_JIT")  # plain Python takes smaller tiles, and as many of them
TILE = kernels.TILE if COMPILED else 8
B, H, T, S, D, DV = 2, 3, TILE + 3, 2 * TILE + 3, 5, 7
Q, K, V = (RNG.normal(size=(B, H, n, d)) for n, d in ((T, D), (S, D), (S, DV)))
CAUSAL = np.arange(S) <= np.arange(T)[:, None] + S - T
CAUSAL[3] = False
MASKS = {
    "none": None,
    "causal": CAUSAL,
    "keys": RNG.random((B, 1, 1, S)) < 0.5,
    "queries": RNG.random((B, 1, T, 1)) < 0.5,
    "heads": RNG.random((H, T, S)) < 0.3,
    "nothing": np.zeros((1, 1), dtype=bool),
    "one_tile": (np.arange(S) // TILE == 1)[None, :],
}
BIASES = {
    "none": None,
    "all": RNG.normal(size=(B, H, T, S)),
    "key": RNG.normal(size=S),
    "row": RNG.normal(size=(T, 1)),
}


@pytest.fixture(params=["numpy", "weights kept", "tiles"])
def way(request, monkeypatch):
    """The array version, the kernel that keeps the weights, and the kernel that goes over tiles."""
    monkeypatch.setattr(op_module, "FEW_KEYS", 0 if request.param == "tiles" else 1000)
    monkeypatch.setattr(kernels, "TILE", TILE)
    with backends.using("numpy" if request.param == "numpy" else "numba"):
        yield request.param


def gradients(function, *arrays):
    with precision(64):
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        out = function(*leaves)
        (out * np.random.default_rng(1).normal(size=out.shape)).sum().backward()
        return [out.numpy(), *(leaf.grad for leaf in leaves)]


def composed(q, k, v, mask=None, bias=None, scale=D**-0.5):
    scores = q @ k.swapaxes(-1, -2) * scale
    return ops.softmax(scores if bias is None else scores + bias, mask) @ v


def same(got, want):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("mask", MASKS)
def test_fused_is_composed_under_every_mask(mask, way):
    fused = gradients(lambda *a: ops.attention(*a, mask=MASKS[mask]), Q, K, V)
    same(fused, gradients(lambda *a: composed(*a, MASKS[mask]), Q, K, V))


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("scale", [None, 0.9])
def test_fused_is_composed_under_every_bias(bias, scale, way):
    fused = gradients(lambda *a: ops.attention(*a, CAUSAL, BIASES[bias], scale), Q, K, V)
    same(fused, gradients(lambda *a: composed(*a, CAUSAL, BIASES[bias], scale or D**-0.5), Q, K, V))


def test_empty_rows_are_zero_and_send_no_gradient(way):
    out, dq, dk, dv = gradients(lambda *a: ops.attention(*a, mask=CAUSAL), Q, K, V)
    assert not out[:, :, 3].any() and not dq[:, :, 3].any()
    out, *grads = gradients(lambda *a: ops.attention(*a, bias=np.full(S, -np.inf)), Q, K, V)
    assert not out.any() and not any(g.any() for g in grads)


def test_huge_scores_stay_finite(way):
    with precision(32):
        out = ops.attention(Q * 1e4, K, V, CAUSAL)
    assert out.dtype == np.float32 and np.isfinite(out.numpy()).all()
    with backends.using("numpy"):
        np.testing.assert_allclose(out.numpy(), ops.attention(Q * 1e4, K, V, CAUSAL).numpy(), atol=1e-5)


def test_transposed_arguments(way):
    """(B, T, H, d) with axes swapped, as heads come from a projection."""

    def swapped(*arrays):
        return ops.attention(*(a.swapaxes(1, 2) for a in arrays), mask=CAUSAL)

    q, k, v = (np.ascontiguousarray(a.swapaxes(1, 2)) for a in (Q, K, V))
    out, *grads = gradients(swapped, q, k, v)
    same(
        [out, *(g.swapaxes(1, 2) for g in grads)],
        gradients(lambda *a: ops.attention(*a, mask=CAUSAL), Q, K, V),
    )


def test_heads_that_share_keys(way):
    shared = gradients(lambda *a: ops.attention(*a, mask=CAUSAL), Q, K[:, :1], V[:, :1])
    same(shared, gradients(lambda *a: composed(*a, CAUSAL), Q, K[:, :1], V[:, :1]))


def test_tiles_as_plain_python_are_the_compiled_ones(monkeypatch):
    monkeypatch.setattr(op_module, "FEW_KEYS", 0)
    few = Q[:1, :1, :11], K[:1, :1, :13], V[:1, :1, :13]
    mask, bias = CAUSAL[:11, S - T - 3 : S - T + 10], BIASES["all"][0, 0, :11, :13]
    with backends.using("numba"):
        compiled = gradients(lambda *a: ops.attention(*a, mask, bias), *few)
        monkeypatch.setattr(kernels, "TILE", 4)  # many small tiles; the compiled body keeps its 64
        with backends.without_compiler():
            same(gradients(lambda *a: ops.attention(*a, mask, bias), *few), compiled)


def test_tiles_need_no_memory_for_the_weights():
    n = 2048 if COMPILED else op_module.FEW_KEYS + 1
    x = Tensor(np.random.default_rng(0).normal(size=(1, 1, n, 8)), requires_grad=True)
    with backends.using("numba"):
        out = ops.attention(x, x, x)
        assert out.node.saved.shape == (1, 1, n)
        out.sum().backward()  # compiled before memory is measured
        if not COMPILED:
            return
        tracemalloc.start()
        ops.attention(x, x, x).sum().backward()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < n * n * 4 / 8, "an eighth of one float32 matrix of weights"


def test_a_call_is_differentiated_by_the_backend_that_made_it():
    x = Tensor(Q, requires_grad=True)
    with backends.using("numba"):
        out = ops.attention(x, x, x).sum()
    with backends.using("numpy"):
        out.backward()
        y = Tensor(Q, requires_grad=True)
        other = ops.attention(y, y, y).sum()
    with backends.using("numba"):
        other.backward()
    np.testing.assert_allclose(x.grad, y.grad, atol=1e-4)


def test_errors():
    with no_grad():
        for bad in ((Q[0], K, V), (Q[..., 1:], K, V), (Q, K[:, :, 1:], V)):
            with pytest.raises(ShapeError, match=r"q \(B, H, T, d\)"):
                ops.attention(*bad)
        with pytest.raises(ShapeError, match="mask that broadcasts"):
            ops.attention(Q, K, V, np.ones((B, S), dtype=bool))
        with pytest.raises(ShapeError, match="bias that broadcasts"):
            ops.attention(Q, K, V, bias=np.ones((1, 1, 1, T, S)))
        with pytest.raises(DTypeError, match="boolean mask"):
            ops.attention(Q, K, V, np.ones((T, S)))
        with pytest.raises(ArgumentError, match="without gradient"):
            ops.attention(Q, K, V, bias=Tensor(np.zeros(S), requires_grad=True))
