"""The exact facts of contextual positions."""

import math

import numpy as np
import pytest

from minattn import Tensor, gradcheck, precision
from minattn import attention as A

B, T, H, D, P = 2, 11, 3, 4, 5


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


class Gated(A.CoPE):
    """CoPE with its gates set by hand."""

    def __init__(self, *sizes, gate):
        super().__init__(*sizes)
        self.gate = gate

    def gates(self, t):
        seen = t.k_pos[None, :] <= t.q_pos[:, None]
        return Tensor(np.broadcast_to(seen * self.gate, (*t.q.shape[:3], t.k.shape[2])))


def record_of(rng, cope, masks=(), **given):
    cope.table.data = rng.normal(size=cope.table.shape)
    attention = A.multi_head(H * D, H, rng=rng, positions=[cope], masks=list(masks))
    return attention.trace(rng.normal(size=(B, T, H * D)), **given)


def plain_scores(t):
    return t.q.numpy() @ t.k.numpy().swapaxes(-1, -2) / math.sqrt(D)


def test_gates_fixed_to_one_are_relative_positions_clamped(rng):
    cope = Gated(P, D, gate=1.0)
    t = record_of(rng, cope)
    added = t.scores.numpy() - plain_scores(t)
    for i in range(T):
        for j in range(i + 1):
            place = min(i - j + 1, P - 1)
            expected = t.q.numpy()[:, :, i] @ cope.table.data[place] / math.sqrt(D)
            np.testing.assert_allclose(added[:, :, i, j], expected, atol=1e-12)
            assert (t.extra["cope"].numpy()[:, :, i, j] == place).all()


def test_gates_of_zero_give_every_key_the_same_bias(rng):
    cope = Gated(P, D, gate=0.0)
    t = record_of(rng, cope)
    added = t.scores.numpy() - plain_scores(t)
    expected = (t.q.numpy() @ cope.table.data[0] / math.sqrt(D))[..., None]
    np.testing.assert_allclose(added, np.broadcast_to(expected, added.shape), atol=1e-12)
    without = A.multi_head(H * D, H, rng=np.random.default_rng(0))
    np.testing.assert_allclose(t.weights.numpy(), without.weights(_with(t, plain_scores(t))).numpy())


def _with(t, scores):
    t.scores = Tensor(scores)
    return t


@pytest.mark.parametrize("padded", [False, True])
def test_triple_loop(rng, padded):
    valid = np.ones((B, T), dtype=bool)
    valid[0, [1, 7]] = not padded
    cope = A.CoPE(P, D)
    t = record_of(rng, cope, valid=valid)
    q, k, table = t.q.numpy(), t.k.numpy(), cope.table.data
    scores = plain_scores(t)
    for b, h, i in np.ndindex(B, H, T):
        for j in range(T):
            counted = [s for s in range(j, i + 1) if valid[b, s]]
            gates = [1 / (1 + math.exp(-(q[b, h, i] @ k[b, h, s]) / math.sqrt(D))) for s in counted]
            p = min(sum(gates), P - 1)
            low, high = math.floor(p), math.ceil(p)
            e = (p - low) * table[high] + (1 - p + low) * table[low]
            expected = scores[b, h, i, j] + q[b, h, i] @ e / math.sqrt(D)
            np.testing.assert_allclose(t.scores.numpy()[b, h, i, j], expected, atol=1e-12)
            np.testing.assert_allclose(t.extra["cope"].numpy()[b, h, i, j], p, atol=1e-12)


def test_places_never_increase_towards_the_query_and_are_clamped(rng):
    p = record_of(rng, A.CoPE(P, D)).extra["cope"].numpy()
    assert (np.diff(p, axis=-1) <= 0).all() and p.max() == P - 1 and p.min() == 0


def test_a_table_that_is_linear_in_the_place_is_interpolated_exactly(rng):
    cope, u = A.CoPE(P, D), rng.normal(size=D)
    t = record_of(rng, cope)
    cope.table.data = np.arange(P)[:, None] * u
    expected = t.extra["cope"].numpy() * (t.q.numpy() @ u / math.sqrt(D))[..., None]
    np.testing.assert_allclose(cope.bias(t).numpy(), expected, atol=1e-12)


def test_clamped_places_share_the_last_row_and_pass_no_gradient_to_the_gates(rng):
    cope, gates = A.CoPE(2, D), Tensor(np.full((1, 1, 1, 5), 0.75), requires_grad=True)
    places = cope.count(gates)
    assert places.numpy().ravel().tolist() == [1.0, 1.0, 1.0, 1.0, 0.75]
    places.sum().backward()
    assert gates.grad.ravel().tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_the_gradient_flows_through_the_places(rng):
    cope = A.CoPE(P, D)
    attention = A.Attention(A.Identity(), positions=[cope], masks=[A.Causal()])
    cope.table.data = rng.normal(size=cope.table.shape)

    def places(x):
        return attention.trace(x).extra["cope"]

    def out(x, table):
        cope.table = table
        return attention.trace(x).out

    x = rng.normal(size=(2, 4, D))
    gradcheck(places, x)
    gradcheck(out, x, cope.table.data)


def test_a_later_token_changes_no_earlier_row(rng):
    cope = A.CoPE(P, D)
    cope.table.data = rng.normal(size=cope.table.shape)
    attention = A.multi_head(H * D, H, rng=rng, positions=[cope], masks=[A.Causal()])
    x = rng.normal(size=(B, T, H * D))
    before = attention.trace(x)
    x[:, 7:] = rng.normal(size=x[:, 7:].shape)
    after = attention.trace(x)
    places = [t.extra["cope"].numpy()[:, :, :7] for t in (before, after)]
    np.testing.assert_array_equal(*places)
    np.testing.assert_array_equal(before.out.numpy()[:, :7], after.out.numpy()[:, :7])
