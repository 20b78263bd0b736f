"""Recurrent scans equal the same cell written with operators, step by step; their truncation; padding."""

import numpy as np
import pytest

from minattn import backends
from minattn.autodiff import Tensor, gradcheck, ops, precision
from minattn.errors import ArgumentError, DTypeError, ShapeError

B, T, N_IN, H = 3, 5, 2, 7
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
kinds = pytest.mark.parametrize("kind", GATES)
compiled_or_not = pytest.mark.parametrize("backend", ["numpy", "numba"])


def arguments(kind, seed=0):
    """x, weights, biases and start states."""
    rng, rows = np.random.default_rng(seed), GATES[kind] * H
    arrays = [rng.normal(size=s) for s in ((B, T, N_IN), (rows, N_IN), (rows, H), (rows,), (rows,))]
    return arrays + [rng.normal(size=(B, H)) for _ in range(2 if kind == "lstm" else 1)]


def scan(kind, *args, **options):
    """The scan as one tensor (B, T, H or 2 H)."""
    out = getattr(ops, kind)(*args, **options)
    return ops.concatenate(out, axis=-1) if kind == "lstm" else out


def rnn_cell(x, w_x, w_h, b_x, b_h, h):
    return ((ops.linear(x, w_x, b_x) + ops.linear(h, w_h, b_h)).tanh(),)


def gru_cell(x, w_x, w_h, b_x, b_h, h):
    r, z, n = ops.split(ops.linear(x, w_x, b_x), 3)
    own_r, own_z, own_n = ops.split(ops.linear(h, w_h, b_h), 3)
    z = (z + own_z).sigmoid()
    n = (n + (r + own_r).sigmoid() * own_n).tanh()
    return ((1 - z) * n + z * h,)


def lstm_cell(x, w_x, w_h, b_x, b_h, h, c):
    i, f, g, o = ops.split(ops.linear(x, w_x, b_x) + ops.linear(h, w_h, b_h), 4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


CELLS = {"rnn": rnn_cell, "gru": gru_cell, "lstm": lstm_cell}


def composed(kind, x, w_x, w_h, b_x, b_h, *state, valid=None, reverse=False, cut=False):
    """The scan as a loop over a cell of operators."""
    steps = [None] * T
    for t in reversed(range(T)) if reverse else range(T):
        before = [s.detach() for s in state] if cut else state
        after = CELLS[kind](x[:, t], w_x, w_h, b_x, b_h, *before)
        state = after if valid is None else [ops.where(valid[:, t, None], a, s) for a, s in zip(after, state)]
        steps[t] = ops.concatenate(state, axis=-1)
    return ops.stack(steps, axis=1)


def value_and_gradients(function, arrays, weight):
    with precision(64):
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        out = function(*leaves)
        (out * weight).sum().backward()
        return out.numpy(), [np.zeros(a.shape) if a.grad is None else a.grad for a in leaves]


def same(first, second, skip=()):
    np.testing.assert_allclose(first[0], second[0], atol=1e-12)
    for i, (a, b) in enumerate(zip(first[1], second[1], strict=True)):
        if i not in skip:
            np.testing.assert_allclose(a, b, atol=1e-11, err_msg=f"argument {i}")


@compiled_or_not
@kinds
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_scan_is_the_loop_over_its_cell(kind, backend, reverse, padded):
    valid = np.arange(T) < np.array([[5], [2], [0]]) if padded else None
    options = {"valid": valid, "reverse": reverse}
    width = 2 * H if kind == "lstm" else H
    weight = np.random.default_rng(1).normal(size=(B, T, width))
    with backends.using(backend):
        fused = value_and_gradients(lambda *a: scan(kind, *a, **options), arguments(kind), weight)
    same(fused, value_and_gradients(lambda *a: composed(kind, *a, **options), arguments(kind), weight))


@compiled_or_not
@kinds
def test_padding_is_the_same_as_a_shorter_sequence(kind, backend):
    x, *rest = arguments(kind)
    valid = np.arange(T) < np.array([[5], [2], [1]])
    noise = np.where(valid[..., None], x, 1e3)
    with backends.using(backend), precision(64):
        for reverse in (False, True):
            out = scan(kind, noise, *rest, valid=valid, reverse=reverse).numpy()
            for b, n in enumerate(valid.sum(axis=1)):
                start = [s[b : b + 1] for s in rest[4:]]
                short = scan(kind, x[b : b + 1, :n], *rest[:4], *start, reverse=reverse).numpy()
                np.testing.assert_allclose(out[b, :n], short[0], atol=1e-12)
                if not reverse:
                    np.testing.assert_allclose(out[b, n:], np.repeat(short[:, -1], T - n, 0), atol=1e-12)


@kinds
def test_missing_biases_and_states_are_zeros(kind):
    x, w_x, w_h, b_x, b_h, *start = (np.zeros_like(a) if i > 2 else a for i, a in enumerate(arguments(kind)))
    for backend in ("numpy", "numba"):
        with backends.using(backend):
            bare = scan(kind, x, w_x, w_h).numpy()
            np.testing.assert_allclose(bare, scan(kind, x, w_x, w_h, b_x, b_h, *start).numpy(), atol=1e-7)
            one = scan(kind, x, w_x, w_h, b_x).numpy()
            np.testing.assert_allclose(one, bare, atol=1e-7)


def test_relu_scan_of_ones_counts():
    ones = np.ones((1, 4, 1))
    out = ops.rnn(ones, [[1.0]], [[1.0]], activation="relu")
    assert out.numpy()[0, :, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=s) for s in ((2, 3, 2), (5, 2), (5, 5))]
    gradcheck(lambda *a: ops.rnn(*a, activation="relu"), *arrays)


# Truncation


@kinds
@compiled_or_not
@pytest.mark.parametrize("tau", [T, T + 3])
def test_truncation_at_full_length_changes_nothing(kind, backend, tau):
    weight = np.random.default_rng(1).normal(size=(B, T, 2 * H if kind == "lstm" else H))
    with backends.using(backend):
        full = value_and_gradients(lambda *a: scan(kind, *a), arguments(kind), weight)
        same(value_and_gradients(lambda *a: scan(kind, *a, truncate=tau), arguments(kind), weight), full)


@kinds
@compiled_or_not
@pytest.mark.parametrize("reverse", [False, True])
def test_truncation_to_one_step_takes_the_state_before_as_given(kind, backend, reverse):
    valid = np.arange(T) < np.array([[5], [3], [1]])
    weight = np.random.default_rng(1).normal(size=(B, T, 2 * H if kind == "lstm" else H))
    weight[~valid] = 0
    options = {"valid": valid, "reverse": reverse}
    with backends.using(backend):
        cut = value_and_gradients(lambda *a: scan(kind, *a, truncate=1, **options), arguments(kind), weight)
    loop = value_and_gradients(lambda *a: composed(kind, *a, cut=True, **options), arguments(kind), weight)
    same(cut, loop, skip=(5, 6))  # the loop cuts off the start, too, the scan lets one step reach it


@kinds
def test_truncation_counts_steps_not_padding(kind):
    """A loss at the last position, behind padding, is a loss at the last valid step."""
    x, *rest = arguments(kind)
    valid = np.arange(T) < np.array([[3], [3], [3]])
    width = 2 * H if kind == "lstm" else H
    end, at_3 = np.zeros((B, T, width)), np.zeros((B, 3, width))
    end[:, -1] = at_3[:, -1] = 1
    padded = value_and_gradients(lambda *a: scan(kind, *a, valid=valid, truncate=2), [x, *rest], end)
    short = value_and_gradients(lambda *a: scan(kind, *a, truncate=2), [x[:, :3], *rest], at_3)
    np.testing.assert_allclose(padded[1][0][:, :3], short[1][0], atol=1e-12)
    for a, b in zip(padded[1][1:], short[1][1:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("tau", [1, 2, 3, T])
def test_rnn_gradient_is_the_double_sum_of_the_equations(tau):
    """dL/dW_h = sum_t sum_{k = t-tau+1..t} dL/dh_t (prod_{j=k+1..t} dh_j/dh_{j-1}) d+h_k/dW_h.

    Source: arXiv 1912.05911, section 2.2, with the factors written out one by one.
    """
    x, w_x, w_h, b_x, b_h, h0 = arguments("rnn")
    weight = np.random.default_rng(2).normal(size=(B, T, H))
    out, grads = value_and_gradients(
        lambda *a: ops.rnn(*a, truncate=tau), [x, w_x, w_h, b_x, b_h, h0], weight
    )
    states = np.concatenate([h0[:, None], out], axis=1)
    d_w_h, d_w_x = np.zeros_like(w_h), np.zeros_like(w_x)
    for b in range(B):
        for t in range(T):
            for k in range(max(0, t - tau + 1), t + 1):
                row = weight[b, t]
                for j in range(t, k, -1):
                    row = row @ (np.diag(1 - out[b, j] ** 2) @ w_h)
                d_a = row * (1 - out[b, k] ** 2)
                d_w_h += np.outer(d_a, states[b, k])
                d_w_x += np.outer(d_a, x[b, k])
    np.testing.assert_allclose(grads[2], d_w_h, atol=1e-12)
    np.testing.assert_allclose(grads[1], d_w_x, atol=1e-12)


# Errors


@kinds
def test_errors_name_all_shapes(kind):
    op, (x, w_x, w_h, b_x, b_h, *start) = getattr(ops, kind), arguments(kind)
    for bad in (
        (x[0], w_x, w_h), (x, w_x[:, :1], w_h), (x, w_x, w_h[:-1]), (x, w_x, w_h, b_x[1:]),
        (x, w_x, w_h, b_x, b_h[1:]), (x, w_x, w_h, b_x, b_h, start[0][:, 1:]),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match=rf"^{kind}\n.*B, T, n_in"):
            op(*bad)
    with pytest.raises(ShapeError, match="valid"):
        op(x, w_x, w_h, valid=np.ones((T, B), dtype=bool))
    with pytest.raises(DTypeError, match="booleans"):
        op(x, w_x, w_h, valid=np.ones((B, T)))
    for tau in (0, -1, 1.5):
        with pytest.raises(ArgumentError, match="truncate"):
            op(x, w_x, w_h, truncate=tau)


def test_unknown_activation():
    with pytest.raises(ArgumentError, match="relu"):
        ops.rnn(*arguments("rnn"), activation="sine")
