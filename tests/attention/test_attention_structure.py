"""Masks and positions that say their rule: it is the same as their table, and the table is then not made."""

import numpy as np
import pytest

from minattn import Tensor, backends, no_grad, precision
from minattn import attention as A
from minattn.attention.structure import structure

B, T, S, H, D = 2, 5, 7, 4, 6
M = H * D
MASKS = {
    "causal": lambda: [A.Causal()],
    "window": lambda: [A.Window(2)],
    "wide": lambda: [A.Window(2.5), A.Window(float("inf"))],
    "both": lambda: [A.Causal(), A.Window(1)],
    "padding": lambda: [A.Padding(), A.Causal()],
    "a function": lambda: [A.Causal(), lambda t: (t.q_pos[:, None] + t.k_pos[None, :]) % 3 > 0],
}
POSITIONS = {"none": lambda: [], "alibi": lambda: [A.ALiBi(H)], "two": lambda: [A.ALiBi(H), A.ALiBi(H)]}


def build(rng, masks="causal", positions="none", groups=2, **slots):
    slots = {"masks": MASKS[masks](), "positions": POSITIONS[positions]()} | slots
    return A.grouped_query(M, H, groups, rng=rng, **slots)


def small(found):
    return {name: None if piece is None else np.shape(piece) for name, piece in found.items()}


@pytest.mark.parametrize("masks", list(MASKS)[:4])
@pytest.mark.parametrize("start, cross", [(0, False), (3, False), (0, True), (3, True)])
def test_the_rule_of_a_mask_is_its_table(rng, masks, start, cross):
    attention, x, context = build(rng, masks), np.ones((B, T, M)), np.ones((B, S, M))
    t = attention.trace(x, context if cross else None, start=start)
    left, right = structure(attention, t)["window"]
    away = np.arange(S if cross else T) - np.arange(T)[:, None]
    table = (away >= -(np.inf if left is None else left)) & (away <= (np.inf if right is None else right))
    np.testing.assert_array_equal(table, t.mask)


def test_the_radial_bias_of_a_position_is_its_table(rng):
    attention = build(rng, positions="two")
    t = attention.trace(np.ones((B, T, M)), np.ones((B, S, M)), start=3)
    radial = structure(attention, t)["radial"]
    table = radial[:, S - 1 + np.arange(T)[:, None] - np.arange(S)]
    np.testing.assert_allclose(table, sum(p.bias(t) for p in attention.positions))


def test_no_table_is_made_where_every_slot_has_a_rule(rng):
    attention, x = build(rng, "both", "two"), np.ones((B, T, M))
    valid = np.arange(T) < np.array([[T], [3]])
    assert small(structure(attention, attention.begin(x))) == {
        "mask": None, "bias": None, "window": (2,), "radial": (H, 2 * T - 1),
    }  # fmt: skip
    assert small(structure(attention, attention.begin(x, valid=valid)))["mask"] == (B, 1, 1, T)
    with no_grad():
        cache = A.KVCache()
        attention(x, cache=cache)
        t = attention.begin(x[:, :1], cache=cache)
        assert structure(attention, t)["window"] == (1 - T, T) and t.offset == T


def test_key_heads_are_not_repeated_on_the_called_path(rng):
    t = build(rng, groups=1).begin(np.ones((B, T, M)))
    assert t.k.shape[1] == t.v.shape[1] == 1 and t.q.shape[1] == H


def test_a_subclass_that_changes_the_table_alone_is_taken_at_its_word(rng):
    class Strict(A.Causal):
        def __call__(self, t):
            return t.k_pos[None, :] < t.q_pos[:, None]

    class Squared(A.ALiBi):
        def bias(self, t):
            return super().bias(t) ** 2

    attention = A.multi_head(M, H, rng=rng, masks=[Strict()], positions=[Squared(H)])
    x = rng.normal(size=(B, T, M))
    found = small(structure(attention, attention.begin(x)))
    assert found == {"mask": (T, T), "bias": (H, T, T), "window": None, "radial": None}
    np.testing.assert_allclose(attention(x).numpy(), attention.trace(x).out.numpy(), atol=1e-5)


def test_a_memory_that_does_not_say_where_keys_stand_gets_tables(rng):
    class EverySecond:
        def remember(self, t):
            t.k, t.v, t.k_pos = t.k[:, :, ::2], t.v[:, :, ::2], t.k_pos[::2]

    attention, x = build(rng, "both", "alibi", memory=EverySecond()), rng.normal(size=(B, T, M))
    found = small(structure(attention, attention.begin(x)))
    assert found == {"mask": (T, 3), "bias": (H, T, 3), "window": None, "radial": None}
    np.testing.assert_allclose(attention(x).numpy(), attention.trace(x).out.numpy(), atol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("masks", MASKS)
def test_called_is_traced(rng, masks, positions, backend):
    with precision(64), backends.using(backend):
        for groups in (1, 2, H):
            attention = build(rng, masks, positions, groups)
            x, context = rng.normal(size=(B, T, M)), rng.normal(size=(B, S, M))
            valid = rng.random((B, S)) < 0.7
            found = []
            for run in (attention.forward, attention.trace):
                leaves = [Tensor(a, requires_grad=True) for a in (x, context)]
                attention.zero_grad()
                out = run(*leaves, valid=valid, start=2)
                (getattr(out, "out", out) ** 2).sum().backward()
                found.append([a.grad for a in (*leaves, *attention.parameters())])
            for one, two in zip(*found, strict=True):
                np.testing.assert_allclose(one, two, atol=1e-10)
