"""Memories that learn while they read, alone and beside attention."""

import numpy as np
import pytest

from minattn import Tensor, gradcheck, no_grad, precision
from minattn.attention import MultiHead
from minattn.attention.memory.neural import DeepMemory, MatrixMemory, learn, products
from minattn.attention.mixers import titans
from minattn.attention.mixers.neural_memory import NeuralMemory
from minattn.autodiff import ops
from minattn.errors import ArgumentError

B, H, T, F, D = 2, 3, 7, 5, 4
VARIANTS = (titans.memory_as_context, titans.memory_as_gate, titans.memory_as_layer)


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def given(rng, n=T):
    q, k = rng.normal(size=(2, B, H, n, F)) / 2
    return (
        Tensor(q),
        Tensor(k),
        Tensor(rng.normal(size=(B, H, n, D))),
        [Tensor(g) for g in rng.random((3, B, H, n))],
    )


def memories(rng):
    return MatrixMemory(F, D), DeepMemory(F, 6, D, rng=rng)


def test_products_stand_below_the_diagonal(rng):
    x = rng.normal(size=(2, 5))
    table = products(Tensor(x)).data
    for i in range(5):
        for j in range(5):
            np.testing.assert_allclose(table[:, i, j], x[:, j + 1 : i + 1].prod(1) if j <= i else 0)


def test_closed_gradients_are_finite_differences(rng):
    _, k, v, _ = given(rng, 1)
    for memory in memories(rng):
        weights = [Tensor(rng.normal(size=(B, H, *shape))) for shape in memory.shapes]
        found = memory.gradients(weights, k, v)
        for i, weight in enumerate(weights):
            by_hand, base = np.zeros(weight.shape), weight.data.copy()
            for row, column in np.ndindex(weight.shape[2:]):
                losses = []
                for step in (1e-6, -1e-6):
                    weight.data = base.copy()
                    weight.data[:, :, row, column] += step
                    losses.append(((memory.read(weights, k).data - v.data) ** 2).sum((2, 3)))
                weight.data = base
                by_hand[:, :, row, column] = (losses[0] - losses[1]) / 2e-6
            np.testing.assert_allclose(found[i].data[:, :, 0], by_hand, atol=1e-7)


@pytest.mark.parametrize("chunk", [1, 3, 10])
def test_chunks_take_gradients_where_they_begin(rng, chunk):
    q, k, v, gates = given(rng)
    theta, eta, alpha = gates
    for memory in memories(rng):
        out, (weights, momenta) = learn(memory, None, q, k, v, gates, chunk)
        ws = memory.start(B, H, np.dtype(float))
        ws = [Tensor(getattr(w, "data", w) if isinstance(w, Tensor) else w) for w in ws]
        ss = [0.0 * w.data for w in ws]
        for t in range(T):
            here = (slice(None), slice(None), slice(t, t + 1))
            if t % chunk == 0:
                frozen = ws
            grads = memory.gradients(frozen, k[here], v[here])
            a, e, h = (g.data[:, :, t, None, None] for g in (alpha, eta, theta))
            ss = [e * s - h * g.data[:, :, 0] for s, g in zip(ss, grads)]
            ws = [Tensor((1 - a) * w.data + s) for w, s in zip(ws, ss)]
            np.testing.assert_allclose(out.data[here], memory.read(ws, q[here]).data, atol=1e-10)
        for w, s, weight, momentum in zip(ws, ss, weights, momenta):
            np.testing.assert_allclose(weight.data, w.data, atol=1e-10)
            np.testing.assert_allclose(momentum.data, s, atol=1e-10)


def test_a_matrix_a_token_at_a_time_is_the_primitive(rng):
    q, k, v, gates = given(rng)
    out, _ = learn(MatrixMemory(F, D), None, q, k, v, gates, 1)
    np.testing.assert_allclose(out.data, ops.surprise_rule(q, k, v, *gates)[0].data, atol=1e-12)


def test_one_chunk_of_half_steps_from_nothing_is_linear_attention(rng):
    q, k, v, (theta, *_) = given(rng)
    gates = [0 * theta + 0.5, 0 * theta, 0 * theta]
    out, _ = learn(MatrixMemory(F, D), None, q, k, v, gates, T)
    np.testing.assert_allclose(
        out.data, (np.tri(T) * (q.data @ k.data.swapaxes(-1, -2))) @ v.data, atol=1e-12
    )


@pytest.mark.parametrize("n_layers, chunk", [(1, 1), (1, 3), (2, 1), (2, 3)])
def test_gradients_reach_all_that_is_learned(rng, n_layers, chunk):
    mixer = NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng, n_layers=n_layers, hidden=4, chunk=chunk)
    x, g = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 5, 6))
    assert gradcheck(lambda x: mixer(x) * g, x, most=30) < 1e-5
    (mixer(x) * g).sum().backward()
    blind = [
        name for name, p in mixer.named_parameters() if p.grad is None or not np.abs(p.grad).max() > 1e-12
    ]
    assert blind == []


@pytest.mark.parametrize("n_layers", [1, 2])
def test_steps_and_pieces_equal_the_whole(rng, n_layers):
    mixer = NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng, n_layers=n_layers, hidden=4)
    x, state, stepped = rng.normal(size=(B, T, 6)), None, None
    with no_grad():
        whole, end = mixer.learn(x)
        for t in range(T):
            out, state = mixer.step(x[:, t : t + 1], state)
            np.testing.assert_allclose(out.data, whole.data[:, t : t + 1], atol=1e-12)
        first, stepped = mixer.learn(x[:, :3])
        second, last = mixer.learn(x[:, 3:], stepped)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], 1), whole.data, atol=1e-12)
    for one, two, three in zip(end[0] + end[1], last[0] + last[1], state[0] + state[1]):
        np.testing.assert_allclose(one.data, two.data, atol=1e-12)
        np.testing.assert_allclose(one.data, three.data, atol=1e-12)


def test_reading_writes_nothing(rng):
    mixer, x = NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng), rng.normal(size=(B, T, 6))
    _, state = mixer.learn(x)
    before = [w.data.copy() for w in state[0] + state[1]]
    once, twice = mixer.read(x, state).data, mixer.read(x, state).data
    np.testing.assert_array_equal(once, twice)
    for w, was in zip(state[0] + state[1], before):
        np.testing.assert_array_equal(w.data, was)
    bias = mixer.projection.w_o.bias.data
    np.testing.assert_allclose(
        mixer.read(x).data, np.broadcast_to(bias, x.shape), atol=1e-12
    )  # knows nothing


def test_padding_writes_nothing(rng):
    mixer, x = NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng), rng.normal(size=(B, T, 6))
    valid = np.arange(T) != 3
    shown = [
        mixer(y, valid=np.broadcast_to(valid, (B, T))).data[:, valid]
        for y in (x, np.where(valid[:, None], x, 7))
    ]
    np.testing.assert_allclose(*shown, atol=1e-12)


@pytest.mark.parametrize("make", VARIANTS)
def test_variants_decode_and_never_look_ahead(rng, make):
    mixer = make(6, 2, rng=rng, width=4, n_persistent=3)
    x, state = rng.normal(size=(B, 11, 6)), None
    with no_grad():
        whole = mixer(x).data
        for t in range(11):
            out, state = mixer.step(Tensor(x[:, t : t + 1]), state)
            np.testing.assert_allclose(out.data, whole[:, t : t + 1], atol=1e-10)
        for t in (1, 4, 6, 10):
            other = x.copy()
            other[:, t:] = rng.normal(size=other[:, t:].shape)
            np.testing.assert_allclose(mixer(other).data[:, :t], whole[:, :t], atol=1e-12)
            assert np.abs(mixer(other).data[:, t:] - whole[:, t:]).max(axis=(0, 2)).all()


@pytest.mark.parametrize("make", VARIANTS)
def test_variants_learn_in_all_their_parts(rng, make):
    mixer, x, g = make(6, 2, rng=rng, width=3, n_persistent=2), *rng.normal(size=(2, B, 5, 6))
    assert gradcheck(lambda x: mixer(x) * g, x, most=30) < 1e-5
    (mixer(x) * g).sum().backward()
    blind = [
        name for name, p in mixer.named_parameters() if p.grad is None or not np.abs(p.grad).max() > 1e-14
    ]
    assert [name for name in blind if not name.endswith("w_k.bias")] == []


@pytest.mark.parametrize("make", VARIANTS)
def test_costs_of_variants_grow_with_length_alone(rng, make):
    mixer = make(6, 2, rng=rng)
    costs = [mixer.flops(n) for n in (80, 160, 240)]
    assert costs[2] - costs[1] == costs[1] - costs[0] > 0
    assert mixer.state_floats(80) == mixer.state_floats(10_000) > 0


def test_what_cannot_be_is_refused(rng):
    with pytest.raises(ArgumentError, match="a matrix"):
        NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng, n_layers=3)
    with pytest.raises(ArgumentError, match="chunk=1"):
        NeuralMemory(MultiHead(6, 2, rng=rng), rng=rng, chunk=2).step(rng.normal(size=(B, 1, 6)))
