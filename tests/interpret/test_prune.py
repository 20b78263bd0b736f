"""Pruning: orders, the greedy pass, and heads that are really taken out."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import precision
from minattn.autodiff import Tensor
from minattn.errors import ArgumentError
from minattn.interpret import (
    Element,
    gate_heads,
    gate_neurons,
    greedy_prune,
    multiplications,
    ranked,
    remove_heads,
    switch_off,
)
from minattn.models import Classifier

B, T, H, M = 3, 5, 4, 20


@pytest.fixture
def model():
    return Classifier(17, 2, d_model=M, heads=(H, H), d_ff=12, max_len=T, rng=np.random.default_rng(1))


@pytest.fixture
def ids():
    return np.random.default_rng(2).integers(1, 17, (B, T))


def test_ranks_go_over_all_layers_and_are_switched_off(model):
    gates = gate_heads(model)
    one, two = gates
    order = ranked({one: np.array([0.3, 0.1, 0.3, 0.9]), two: np.array([0.2, 0.5, 0.0, 0.1])})
    assert order == [
        (two, 2), (one, 1), (two, 3), (two, 0), (one, 0), (one, 2), (two, 1), (one, 3)
    ]  # fmt: skip
    switch_off(gates, order[:3])
    assert gates[one].active.tolist() == [True, False, True, True]
    assert gates[two].active.tolist() == [True, True, False, False]
    switch_off(gates, [])
    assert all(gate.active.all() for gate in gates.values())


class Fake:
    """A loss that is a sum over what is on: negative parts help."""

    def __init__(self, gates, parts):
        self.gates, self.parts, self.asked = gates, parts, 0

    def __call__(self):
        self.asked += 1
        return 5 + sum(float(gate.xi.numpy() @ part) for gate, part in zip(self.gates, self.parts))


def test_greedy_keeps_off_what_hinders_or_does_nothing(model):
    gates = list(gate_heads(model).values())
    loss = Fake(gates, [np.array([-1.0, 0.5, 0.0, -2.0]), np.array([1.0, 1.0, -0.5, 1.0])])
    elements = [Element("block 1", gates[1]), Element("block 0", gates[0])]
    elements += [Element(f"head {i}.{h}", gates[i], h) for i in (1, 0) for h in range(H)]
    steps = greedy_prune(elements, loss)
    assert [step.element.name for step in steps if step.off] == ["block 1", "head 0.1", "head 0.2"]
    assert loss.asked == 1 + len(steps) == 1 + 2 + H  # heads of the block that is gone are not tried
    assert gates[0].active.tolist() == [True, False, False, True] and not gates[1].active.any()
    assert loss() == min(step.loss for step in steps) <= 5 + 0.0  # never above the start, 5 + 0


def test_tolerance_trades_and_the_bar_falls_with_every_success(model):
    gate = gate_heads(model)["layers.0.attention"]
    parts = [np.array([1.0, -0.3, -0.3, -9.0])]
    elements = [Element(str(h), gate, h) for h in range(H)]
    steps = greedy_prune(elements, Fake([gate], parts), tol=0.5)
    # Without 0 the loss falls by 1; then 1 may go (+.3 <= bar + .5), but not 2 as well (+.6).
    assert [step.off for step in steps] == [True, True, False, False]
    with pytest.raises(ArgumentError, match="finite"):
        greedy_prune(elements, lambda: float("nan"))


def test_groups_of_neurons_are_elements_too(model, ids):
    gate = gate_neurons(model, 3)["layers.1.feed_forward"]
    steps = greedy_prune([Element("two groups", gate, slice(1, 3))], lambda: 1.0)
    assert steps[0].off and gate.active.tolist() == [True, False, False, True]
    assert model(ids)[0].shape == (B, 2)


def test_multiplications_fall_by_what_is_switched_off(model):
    heads, neurons, d = gate_heads(model), gate_neurons(model, 3), M // H
    full = multiplications(heads, neurons, T)
    one_head, one_group = 4 * M * d + 2 * T * d, 2 * M * 3
    assert full == 2 * H * one_head + 2 * 4 * one_group
    heads["layers.1.attention"].xi.data[[0, 2]] = 0
    neurons["layers.0.feed_forward"].xi.data[:] = 0
    assert full - multiplications(heads, neurons, T) == 2 * one_head + 4 * one_group


def test_removed_heads_are_as_switched_off_ones_and_cheaper(model, ids):
    with precision(64):
        model.load_state_dict(model.state_dict())
        gates = gate_heads(model)
        gates["layers.0.attention"].xi = Tensor([1.0, 0.0, 0.0, 1.0])
        gates["layers.1.attention"].xi = Tensor([0.0, 0.0, 1.0, 0.0])
        expected, size = model(ids)[0].numpy(), model.n_parameters()
        for layer in model.layers:
            remove_heads(layer.attention)
        np.testing.assert_allclose(model(ids)[0].numpy(), expected, atol=1e-6)
    projections = [layer.attention.projection for layer in model.layers]
    assert [p.n_heads for p in projections] == [2, 1]
    assert projections[1].w_q.weight.shape == (M // H, M) and projections[1].w_o.weight.shape == (M, M // H)
    gone, d = 5, M // H
    assert size - model.n_parameters() == gone * (4 * M * d + 3 * d)
    t = model.layers[0].attention.trace(np.zeros((B, T, M)))
    assert t.weights.shape == (B, 2, T, T)


def test_what_cannot_be_taken_out_is_refused():
    rng = np.random.default_rng(0)
    plain, shared = A.multi_head(M, H, rng=rng), A.multi_query(M, H, rng=rng)
    alibi = A.multi_head(M, H, rng=rng, positions=[A.ALiBi(H)])
    for attention, xi in ((plain, None), (plain, np.zeros(H)), (plain, np.full(H, 0.5)), (shared, np.ones(H)),
                          (alibi, np.ones(H))):  # fmt: skip
        if xi is not None:
            gate_heads(attention)[""].xi = Tensor(xi)
        with pytest.raises(ArgumentError, match="remove_heads"):
            remove_heads(attention)
