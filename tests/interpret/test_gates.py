"""Switches: what they leave, and that nothing else changes."""

import numpy as np
import pytest

from minattn import Tensor, gradcheck, interpret, no_grad, precision
from minattn import attention as A
from minattn.errors import ArgumentError, ShapeError
from minattn.interpret import Gated, gate_heads, gate_neurons, ungate
from minattn.models import Classifier, MaskedLM, PreNorm, Transformer
from minattn.nn import Linear, Module, SwiGLU

B, T, S, H, D = 2, 5, 7, 3, 4
M = H * D


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def test_switches_of_one_change_nothing_at_all(rng):
    model = Classifier(17, 2, n_tags=5, d_model=M, heads=(H, H), d_ff=10, max_len=T, rng=rng)
    ids = rng.integers(1, 17, (B, T))
    before = [x.numpy() for x in model(ids)]
    n, names = model.n_parameters(), list(model.state_dict())
    gates, neurons = gate_heads(model), gate_neurons(model, 2)
    assert [gate.n_groups for gate in gates.values()] == [H, H]
    assert [gate.n_groups for gate in neurons.values()] == [5, 5]
    assert model.n_parameters() == n  # switches are not trained
    for one, other in zip(before, model(ids)):
        np.testing.assert_array_equal(one, other.numpy())
    assert gate_heads(model) == gates
    gates["layers.0.attention"].xi.data[:] = 0
    ungate(model)
    assert list(model.state_dict()) == names
    np.testing.assert_array_equal(before[0], model(ids)[0].numpy())


@pytest.mark.parametrize("make", [A.multi_head, A.multi_query, A.grouped_query])
def test_a_switch_of_zero_is_a_zero_slice_of_w_o(rng, make):
    sizes = (M, 2, 1) if make is A.grouped_query else (M, 2)
    attention, h, d = make(*sizes, rng=rng), 1, M // 2
    x = rng.normal(size=(B, T, M))
    weight = attention.projection.w_o.weight.data.copy()
    attention.projection.w_o.weight.data[:, h * d : (h + 1) * d] = 0
    expected = attention(x).numpy()
    attention.projection.w_o.weight.data = weight
    gate_heads(attention)[""].xi.data[h] = 0
    np.testing.assert_allclose(attention(x).numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(attention.trace(x).out.numpy(), expected, atol=1e-12)


def test_a_block_without_parts_leaves_exactly_the_residual_stream(rng):
    model = MaskedLM(13, d_model=M, n_heads=H, n_layers=1, residual=PreNorm, rng=rng)
    layer = model.layers[0]
    for linear in (layer.attention.projection.w_o, layer.feed_forward.w_2):
        linear.bias.data = rng.normal(size=linear.bias.shape)
    x, valid = Tensor(rng.normal(size=(B, T, M))), np.ones((B, T), dtype=bool)
    for gates in (gate_heads(layer), gate_neurons(layer, 4)):
        for gate in gates.values():
            gate.xi.data[:] = 0
    np.testing.assert_array_equal(layer(x, valid).numpy(), x.numpy())
    layer.feed_forward.w_2.xi.data[0] = 1
    assert (layer(x, valid).numpy() != x.numpy()).any()


def test_switches_of_each_row(rng):
    gate, x = Gated(Linear(6, 5, rng=rng), 3), rng.normal(size=(3, T, 6))
    gate.linear.bias.data[:] = rng.normal(size=5)
    patterns = np.array([[1, 0, 1], [0, 0, 0], [0.5, 2, 0]])
    rows = []
    for pattern, row in zip(patterns, x):
        gate.xi = Tensor(pattern)
        rows.append(gate(row).numpy())
    gate.xi = Tensor(patterns)
    np.testing.assert_allclose(gate(x).numpy(), rows, atol=1e-12)
    assert not rows[1].any()
    np.testing.assert_allclose(gate(x[:, 0]).numpy(), np.array(rows)[:, 0], atol=1e-12)  # without T


def test_the_gradient_of_a_switch_is_that_of_what_it_lets_through(rng):
    attention = A.multi_head(M, H, rng=rng)
    gate, x, mark = gate_heads(attention)[""], rng.normal(size=(B, T, M)), rng.normal(size=(B, T, M))

    def out(xi):
        gate.xi = xi
        return attention(x)

    gradcheck(out, rng.normal(size=H))
    gradcheck(out, rng.normal(size=(B, H)))
    gate.xi = Tensor(np.ones((B, H)), requires_grad=True)
    t = attention.trace(x)
    (t.out * mark).sum().backward()
    to_heads = (mark @ gate.linear.weight.data).reshape(B, T, H, D)  # dL / d(what the heads gathered)
    expected = (t.heads.numpy().swapaxes(1, 2) * to_heads).sum((1, 3))
    np.testing.assert_allclose(gate.xi.grad, expected, atol=1e-12)


def test_gates_of_a_translator_and_of_swiglu(rng):
    model = Transformer(11, 13, d_model=M, n_heads=H, n_layers=1, rng=rng)
    gates = gate_heads(model)
    assert list(gates) == ["encoder.0.attention", "decoder.0.attention", "decoder.0.cross"]
    source, target = rng.integers(3, 11, (B, S)), rng.integers(3, 13, (B, T))
    with no_grad():
        full = model.translate(source, max_len=5)
        gates["decoder.0.cross"].xi.data[:] = 0
        blind = model(source, target).numpy()
        np.testing.assert_allclose(model(source[::-1], target).numpy(), blind, atol=1e-12)
    assert len(full) == B

    class Block(Module):
        def __init__(self):
            self.wide = SwiGLU(M, 6, rng=rng)

    block, y = Block(), rng.normal(size=(B, M))
    kept = block.wide(y).numpy()
    gate = gate_neurons(block, 3)["wide"]
    np.testing.assert_array_equal(block.wide(y).numpy(), kept)
    gate.xi.data[:] = 0
    assert not block.wide(y).numpy().any() and gate.active.tolist() == [False, False]


def test_bad_input_is_refused(rng):
    with pytest.raises(ArgumentError, match="divides its inputs"):
        Gated(Linear(6, 5, rng=rng), 4)
    with pytest.raises(ArgumentError, match="feed-forward"):
        gate_neurons(A.multi_head(M, H, rng=rng))
    with pytest.raises(ArgumentError, match="multi-head"):
        gate_heads(Linear(6, 5, rng=rng))
    gate = Gated(Linear(6, 5, rng=rng), 3)
    for wrong in (np.ones(2), np.ones((3, 3)), np.ones((B, 4))):
        gate.xi = Tensor(wrong)
        with pytest.raises(ShapeError, match="xi"):
            gate(rng.normal(size=(B, T, 6)))
    assert interpret.Gated is Gated
