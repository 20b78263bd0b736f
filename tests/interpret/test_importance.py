"""Importance of heads: the gradient, ablation, and what both must be blind to."""

import numpy as np
import pytest

from minattn import no_grad, precision
from minattn.autodiff import Tensor
from minattn.errors import ArgumentError, ShapeError
from minattn.interpret import ablate, alone, gate_heads, head_importance
from minattn.models import Classifier

B, T, H, M = 5, 7, 3, 12


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def build(rng):
    model = Classifier(17, 2, n_tags=4, d_model=M, heads=(H, H), d_ff=10, max_len=T, rng=rng)
    tags = rng.integers(-1, 4, (B, T))
    return model, dict(ids=rng.integers(1, 17, (B, T)), labels=rng.integers(2, size=B), tags=tags)


def losses(model, batch):
    return model.losses(**batch)


@pytest.fixture
def given():
    return build(np.random.default_rng(3))


def test_importance_is_the_mean_size_of_the_difference_quotient(given):
    model, batch = given
    found = head_importance(model, batch, losses, normalise=False)
    eps = 1e-5
    for path, gate in gate_heads(model).items():
        for h in range(H):
            shifted = []
            for sign in (1, -1):
                gate.xi = Tensor(np.ones(H) + sign * eps * (np.arange(H) == h))
                with no_grad():
                    shifted.append(losses(model, batch).numpy())
            gate.xi = Tensor(np.ones(H))
            slope = (shifted[0] - shifted[1]) / (2 * eps)
            assert len(set(np.sign(slope))) == 2 or slope.size  # each example has its own slope
            assert found[path][h] == pytest.approx(np.abs(slope).mean(), abs=1e-8)


def test_sizes_come_before_the_mean(given):
    """Opposite slopes of two examples must not cancel."""
    model, batch = given
    twice = {name: np.concatenate([array, array]) for name, array in batch.items()}
    sign = np.repeat([1.0, -1.0], B)
    whole = head_importance(model, twice, lambda m, b: losses(m, b) * sign, normalise=False)
    half = head_importance(model, batch, losses, normalise=False)
    for path in whole:
        np.testing.assert_allclose(whole[path], half[path], atol=1e-12)
        assert (half[path] > 0).all()


def test_permuting_heads_permutes_importance_and_a_silent_head_has_none(given):
    model, batch = given
    before = head_importance(model, batch, losses)
    order = np.array([2, 0, 1])
    rows = (order[:, None] * (M // H) + np.arange(M // H)).ravel()
    projection = model.layers[0].attention.projection
    for layer in (projection.w_q, projection.w_k, projection.w_v):
        layer.weight.data, layer.bias.data = layer.weight.data[rows], layer.bias.data[rows]
    linear = projection.w_o.linear
    linear.weight.data = linear.weight.data[:, rows]
    after = head_importance(model, batch, losses)
    path, other = before
    np.testing.assert_allclose(after[path], before[path][order], atol=1e-12)
    np.testing.assert_allclose(after[other], before[other], atol=1e-12)
    linear.weight.data[:, : M // H] = 0
    silent = head_importance(model, batch, losses)[path]
    assert silent[0] == 0 and (silent[1:] > 0).all()


def test_each_layer_has_length_one_and_the_model_is_left_as_it_was(given):
    model, batch = given
    model.train()
    gates = gate_heads(model)
    gates["layers.1.attention"].xi = Tensor([1.0, 0.0, 1.0])
    found = head_importance(model, batch, losses)
    assert [np.linalg.norm(scores) for scores in found.values()] == pytest.approx([1, 1])
    assert model.training and all(p.grad is None for p in model.parameters())
    assert gates["layers.1.attention"].xi.numpy().tolist() == [1, 0, 1]
    unread = head_importance(model, batch, lambda m, b: Tensor(np.ones(B)) * m.embed.weight[0, 0])
    assert not np.concatenate(list(unread.values())).any()


def test_ablation_turns_one_switch_at_a_time_and_back(given):
    model, batch = given
    gates = gate_heads(model)

    def score():
        return float(losses(model, batch).numpy().mean())

    seen = []
    ablate(gates, lambda: seen.append([gate.active.tolist() for gate in gates.values()]) or 0.0)
    every = [True] * H
    assert seen == [[[i != h for i in range(H)], every] for h in range(H)] + [
        [every, [i != h for i in range(H)]] for h in range(H)
    ]
    without, only = ablate(gates, score), alone(gates, score)
    assert all(gate.active.all() for gate in gates.values())
    gates["layers.0.attention"].xi = Tensor([1.0, 1.0, 0.0])
    assert score() == without["layers.0.attention"][2] != only["layers.0.attention"][2]


def test_bad_batches_and_losses_are_refused(given):
    model, batch = given
    with pytest.raises(ArgumentError, match="one number of examples"):
        head_importance(model, {**batch, "labels": batch["labels"][1:]}, losses)
    with pytest.raises(ShapeError, match="no mean"):
        head_importance(model, batch, lambda m, b: losses(m, b).mean())
    assert all(gate.xi.shape == (H,) for gate in gate_heads(model).values())
