"""Linear attention with decay: the table of all weights, the recurrence and the chunks give the same."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minattn import backends
from minattn.autodiff import Tensor, no_grad, ops, precision
from minattn.errors import ArgumentError, ShapeError

pool = sys.modules["minattn.backends.threads"]
CHUNK = sys.modules["minattn.autodiff.ops.linear_attention"].CHUNK
B, H, F, DV = 2, 3, 5, 4
LENGTHS = (1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7)


@pytest.fixture(params=["numpy", "numba"])
def way(request):
    with backends.using(request.param):
        yield request.param


def inputs(t, b=B, h=H, f=F, dv=DV):
    """q, k, v, log decay, state."""
    rng = np.random.default_rng(t)
    q, k, v = (rng.normal(size=(b, h, t, n)) for n in (f, f, dv))
    return q, k, v, -rng.random((b, h, t)), rng.normal(size=(b, h, f, dv))


def parallel(q, k, v, decay, state):
    """The readable form in differentiable operations: out, last state."""
    q, k, v, decay, state = (a if isinstance(a, Tensor) else Tensor(a) for a in (q, k, v, decay, state))
    log, t = ops.cumsum(decay, axis=-1), q.shape[2]
    gap = ops.expand_dims(log, -1) - ops.expand_dims(log, -2)
    weights = ops.exp(ops.minimum(gap, 0.0)) * np.tril(np.ones((t, t)))
    out = ((q @ k.swapaxes(-1, -2)) * weights) @ v + ops.expand_dims(ops.exp(log), -1) * (q @ state)
    left = ops.expand_dims(ops.exp(log[:, :, -1:] - log), -1)
    whole = ops.expand_dims(ops.exp(log[:, :, -1:]), -1)
    return out, whole * state + (k * left).swapaxes(-1, -2) @ v


def recurrence(q, k, v, decay, state):
    """The definition, token after token."""
    outs = []
    for t in range(q.shape[2]):
        state = np.exp(decay[:, :, t, None, None]) * state + k[:, :, t, :, None] * v[:, :, t, None, :]
        outs.append(np.einsum("bhf,bhfd->bhd", q[:, :, t], state))
    return np.stack(outs, axis=2), state


def gradients(function, arrays, bits=64):
    """Both outputs, and the gradients of a random weighting of both."""
    with precision(bits):
        leaves = [Tensor(a.astype(f"float{bits}"), requires_grad=True) for a in arrays]
        out, last = function(*leaves)
        rng = np.random.default_rng(1)
        ((out * rng.normal(size=out.shape)).sum() + (last * rng.normal(size=last.shape)).sum()).backward()
        return [out.numpy(), last.numpy(), *(leaf.grad for leaf in leaves)]


def carried(*arrays):
    return ops.linear_attention(*arrays, carry=True)


def agree(got, want, tolerance):
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape and np.abs(g - w).max() <= tolerance * max(1, np.abs(w).max())


@pytest.mark.parametrize("t", LENGTHS)
def test_three_forms_agree(t, way):
    arrays = inputs(t)
    with precision(64):
        got = [a.numpy() for a in carried(*arrays)]
        agree(got, [a.numpy() for a in parallel(*arrays)], 1e-10)
    agree(got, recurrence(*arrays), 1e-10)


@pytest.mark.parametrize("t", LENGTHS)
def test_gradients_are_those_of_the_table(t, way):
    want = gradients(parallel, inputs(t))
    agree(gradients(carried, inputs(t)), want, 1e-10)
    got = gradients(carried, inputs(t), 32)
    agree(got[:2], want[:2], 1e-5)
    agree(got[2:], want[2:], 1e-4)


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 7), st.integers(1, 8)), st.integers(1, 70)
)
def test_any_shape(sizes, t):
    b, h, f, dv = sizes
    with pytest.MonkeyPatch.context() as patch, backends.using("numba"):
        patch.setattr(pool, "_wanted", 3)  # more than one head: its columns are shared out
        patch.setattr(pool, "_cores", lambda: 3)
        arrays = inputs(t, b, h, f, dv)
        agree(gradients(carried, arrays), gradients(parallel, arrays), 1e-10)


def test_any_number_of_threads_gives_the_same(monkeypatch):
    arrays = inputs(1100, 1, 1, 64, 64)
    results = []
    with backends.using("numba"):
        for n in (1, 2):
            monkeypatch.setattr(pool, "_wanted", n)
            monkeypatch.setattr(pool, "_cores", lambda: 2)
            results.append(gradients(carried, arrays, 32))
    agree(*results, 1e-5)


def test_decay_of_a_head_is_that_of_each_of_its_tokens(way):
    q, k, v, _, _ = inputs(2 * CHUNK + 5)
    decay = np.array([0.0, -0.1, -3.0])
    with precision(64):
        of_heads = ops.linear_attention(q, k, v, decay).numpy()
        every = np.broadcast_to(decay[:, None], q.shape[:3])
        np.testing.assert_allclose(of_heads, ops.linear_attention(q, k, v, every).numpy(), atol=1e-12)
        np.testing.assert_array_equal(of_heads[:, 0], ops.linear_attention(q, k, v).numpy()[:, 0])


def test_the_gradient_of_a_heads_decay_is_the_sum_over_its_tokens(way):
    q, k, v, _, _ = inputs(CHUNK + 5)
    with precision(64):
        heads = Tensor(np.array([-0.2, -0.1, -3.0]), requires_grad=True)
        tokens = Tensor(np.broadcast_to(heads.numpy()[:, None], q.shape[:3]).copy(), requires_grad=True)
        for decay in (heads, tokens):
            (ops.linear_attention(q, k, v, decay) * v).sum().backward()
    np.testing.assert_allclose(heads.grad, tokens.grad.sum(axis=(0, 2)), rtol=1e-10)


@pytest.mark.parametrize("cut", [1, 20, CHUNK])
def test_going_on_from_a_state_is_the_whole(cut, way):
    def in_two(q, k, v, decay, state):
        first, state = carried(q[:, :, :cut], k[:, :, :cut], v[:, :, :cut], decay[:, :, :cut], state)
        rest, state = carried(q[:, :, cut:], k[:, :, cut:], v[:, :, cut:], decay[:, :, cut:], state)
        return ops.concatenate([first, rest], axis=2), state

    arrays = inputs(CHUNK + 11)
    agree(gradients(in_two, arrays), gradients(carried, arrays), 1e-10)


@pytest.mark.parametrize("strength", [-90.0, -1e30, -np.inf])
def test_a_decay_that_keeps_nothing(strength, way):
    """Only the token itself is left; no nan, no number too small for a fast processor, no gradient."""
    q, k, v, _, state = inputs(2 * CHUNK + 3)
    results = gradients(carried, (q, k, v, np.full(q.shape[:3], strength), state), 32)
    np.testing.assert_allclose(results[0], (q * k).sum(-1, keepdims=True) * v, atol=1e-5)
    assert np.abs(results[5]).max() < 1e-3 and not results[6].any()
    tiny = np.finfo(np.float32).tiny
    assert all(np.isfinite(a).all() and not ((a != 0) & (np.abs(a) < tiny)).any() for a in results)


def test_a_state_that_fades_ends_at_zero():
    q, k, v, _, state = (a.astype(np.float32) for a in inputs(20 * CHUNK))
    with backends.using("numba"), no_grad():
        _, last = ops.linear_attention(q, k * 0, v, np.full(H, -0.2), state, carry=True)
    assert not last.numpy().any()


def test_a_later_token_changes_no_earlier_output(way):
    arrays, others = inputs(CHUNK + 9), inputs(CHUNK + 9)
    for a in others[:4]:
        a[:, :, 6:] -= 1
    with precision(64):
        one, other = (ops.linear_attention(*a).numpy() for a in (arrays, others))
    np.testing.assert_array_equal(one[:, :, :6], other[:, :, :6])
    assert (one[:, :, 6:] != other[:, :, 6:]).any()


def test_memory_grows_with_the_tokens_only():
    n = 2048
    x = Tensor(np.random.default_rng(0).normal(size=(1, 1, n, 8)).astype(np.float32), requires_grad=True)
    tracemalloc.start()
    ops.linear_attention(x, x, x).sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n * 4 / 8, "an eighth of one float32 table of weights"


def test_errors():
    q, k, v, decay, state = inputs(7)
    for bad in ((q[0], k, v), (q, k[..., 1:], v), (q, k, v[:, :, 1:]), (q, k, v, None, state[..., 1:])):
        with pytest.raises(ShapeError, match=r"v \(B, H, T, dv\)"):
            ops.linear_attention(*bad)
    for bad in (decay[:, :, 1:], decay[0], decay[0, 0]):
        with pytest.raises(ShapeError, match=r"decay \(H,\)"):
            ops.linear_attention(q, k, v, bad)
    for bad in (-decay, decay * np.nan):
        with pytest.raises(ArgumentError, match="log of a decay"):
            ops.linear_attention(q, k, v, bad)
