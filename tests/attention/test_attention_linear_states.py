"""Linear mixers with decays, gates and the delta rule: three forms, one result."""

import numpy as np
import pytest

from minattn import Tensor, backends, gradcheck, nn, no_grad, precision
from minattn import attention as A
from minattn.attention.linear import (
    DecayGate,
    Delta,
    Each,
    FixedDecay,
    LinearMixer,
    OutputGate,
    UnitRMS,
    Unnormalised,
    retention_rates,
    unit_silu,
)
from minattn.errors import ArgumentError, DTypeError, ShapeError

B, T, H, D = 2, 37, 4, 3
M = H * D
PROJECTIONS = {
    "multi_head": lambda rng: A.MultiHead(M, H, rng=rng),
    "grouped_query": lambda rng: A.GroupedQuery(M, H, 2, rng=rng),
    "identity": lambda rng: A.Identity(),
}


def same(x):
    return x


def retention(projection, rng):
    decay = FixedDecay(retention_rates(projection.n_heads))
    return LinearMixer(projection, Each(same), decay=decay, normaliser=UnitRMS())


def gated(projection, rng):
    heads = projection.n_heads
    gate = OutputGate(M, heads, rng=rng, act=nn.FeedForward(M, 5, rng=rng))
    return LinearMixer(
        projection, Each(same), decay=DecayGate(M, heads, rng=rng), normaliser=UnitRMS((1, -1)), gate=gate
    )


def delta(projection, rng):
    update = Delta(nn.Linear(M, projection.n_heads, rng=rng))
    return LinearMixer(projection, Each(unit_silu), update=update, normaliser=Unnormalised())


def gated_delta(projection, rng):
    mixer = delta(projection, rng)
    mixer.decay = DecayGate(M, projection.n_heads, rng=rng, temper=2)
    return mixer


MIXERS = {"retention": retention, "gated": gated, "delta": delta, "gated_delta": gated_delta}
VALID = np.arange(T) < np.array([[T], [5]])


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


@pytest.fixture(params=MIXERS)
def make(request):
    return lambda rng, projection="multi_head": MIXERS[request.param](PROJECTIONS[projection](rng), rng)


def by_hand(mixer, x, valid):
    """The recurrence, for each sequence and head."""
    q, k, v = (np.asarray(part.numpy()) for part in mixer.projection(Tensor(x), Tensor(x)))
    k, v = (np.repeat(part, q.shape[1] // part.shape[1], axis=1) for part in (k, v))
    removes = isinstance(mixer.update, Delta)
    if removes:
        q, k = (unit_silu(Tensor(part)).numpy() for part in (q, k))
        beta = 1 / (1 + np.exp(-mixer.update.rate(Tensor(x)).numpy()))
    decay = np.ones(q.shape[:3])
    if isinstance(mixer.decay, FixedDecay):
        decay = decay * np.array(mixer.decay.rates)[:, None]
    elif mixer.decay is not None:
        decay = (1 + np.exp(-mixer.decay.w(x).numpy().swapaxes(1, 2))) ** (-1 / mixer.decay.temper)
    heads = np.zeros_like(v)
    for b, h in np.ndindex(q.shape[:2]):
        state = np.zeros((q.shape[-1], v.shape[-1]))
        for t in range(T):
            key, value, state = k[b, h, t], v[b, h, t], decay[b, h, t] * state
            change = beta[b, t, h] * np.outer(key, value - state.T @ key) if removes else np.outer(key, value)
            state = state + valid[b, t] * change
            heads[b, h, t] = state.T @ q[b, h, t]
    axis = getattr(mixer.normaliser, "axis", None)
    if axis is not None:
        heads = heads / np.sqrt((heads**2).mean(axis, keepdims=True) + 1e-6)
    if mixer.gate is not None:
        gate = mixer.gate.act(mixer.gate.w(x)).numpy()
        heads = heads * gate.reshape(B, T, *heads.shape[1::2]).swapaxes(1, 2)
    return mixer.projection.merge(Tensor(heads)).numpy()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_parallel_chunked_and_hand_written_forms_agree(make, projection, padded, backend, rng):
    mixer, x = make(rng, projection), rng.normal(size=(B, T, M))
    expected = by_hand(mixer, x, VALID if padded else np.ones((B, T)))
    with backends.using(backend):
        for form in (mixer, mixer.parallel):
            np.testing.assert_allclose(form(x, VALID if padded else None).numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("projection", ["multi_head", "grouped_query"])
def test_steps_agree_with_the_whole_and_carry_a_state_of_constant_size(make, projection, rng):
    mixer, x = make(rng, projection), rng.normal(size=(B, T, M))
    state, outs = None, []
    for t in range(T):
        out, state = mixer.step(x[:, t : t + 1], state)
        outs.append(out.numpy())
        assert state[1].size == B * mixer.state_floats(t + 1) == B * H * D * D
    np.testing.assert_allclose(np.concatenate(outs, axis=1), mixer(x).numpy(), atol=1e-10)
    assert not out.requires_grad


def test_gradients_of_both_forms(make, rng):
    mixer, x = make(rng), rng.normal(size=(1, 4, M))
    gradcheck(mixer, x)
    grads = []
    for form in (mixer, mixer.parallel):
        mixer.zero_grad()
        (form(x) * np.arange(4 * M).reshape(1, 4, M)).sum().backward()
        grads.append([p.grad for p in mixer.parameters()])
    for one, two in zip(*grads, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-9)


def test_a_later_token_changes_no_earlier_output(make, rng):
    mixer, x = make(rng), rng.normal(size=(B, T, M))
    other = x.copy()
    other[:, 6:] = rng.normal(size=other[:, 6:].shape)
    for form in (mixer, mixer.parallel):
        np.testing.assert_allclose(form(x).numpy()[:, :6], form(other).numpy()[:, :6], atol=1e-14)


def test_padding_behind_changes_nothing(make, rng):
    mixer, x = make(rng), rng.normal(size=(B, T, M))
    np.testing.assert_allclose(mixer(x, VALID).numpy()[1, :5], mixer(x[1:, :5]).numpy()[0], atol=1e-12)


def test_no_decay_is_the_plain_sum(rng):
    plain = dict(decay=FixedDecay(np.ones(H)), normaliser=Unnormalised())
    mixer = LinearMixer(A.MultiHead(M, H, rng=rng), Each(same), **plain)
    x = rng.normal(size=(B, T, M))
    q, k, v = mixer.projection(Tensor(x), Tensor(x))
    expected = mixer.projection.merge((q @ k.swapaxes(-1, -2) * np.tril(np.ones((T, T)))) @ v)
    np.testing.assert_allclose(mixer(x).numpy(), expected.numpy(), atol=1e-10)


def test_the_delta_rule_replaces_what_a_key_held(rng):
    """Rate 1, and the same key twice: the second value stands alone."""
    update = Delta(lambda x: x[..., :1] * 0 + 100.0)
    mixer = LinearMixer(A.Identity(), Each(same), update=update, normaliser=Unnormalised())
    x = np.zeros((1, 3, 4))
    x[0, :, 0] = 1
    x[0, :, 1:] = [[3, 0, 0], [0, 0, 0], [0, 5, 0]]
    x[0] /= np.linalg.norm(x[0], axis=-1, keepdims=True)
    np.testing.assert_allclose(mixer(x).numpy(), x, atol=1e-12)  # key = value: each finds its own


def test_empty_input(make, rng):
    mixer = make(rng)
    for form in (mixer, mixer.parallel):
        assert form(np.ones((0, T, M))).shape == (0, T, M)
        assert form(np.ones((B, 0, M))).shape == (B, 0, M)


def test_input_that_does_not_fit(make, rng):
    mixer = make(rng)
    with pytest.raises(ShapeError, match=r"x \(B, T, d\)"):
        mixer(np.ones((T, M)))
    with pytest.raises(DTypeError, match="True = real"):
        mixer(np.ones((B, T, M)), np.ones((B, T)))
    with pytest.raises(ShapeError, match=r"x \(B, 1, d_model\)"):
        mixer.step(np.ones((B, 2, M)))
    for rates in ([0.5, 1.1], [0, 0.5], []):
        with pytest.raises(ArgumentError, match="numbers in"):
            FixedDecay(rates)
    with pytest.raises(ArgumentError, match="4 numbers, one for each head"):
        LinearMixer(A.MultiHead(M, H, rng=rng), decay=FixedDecay([0.5]))


def test_no_gradient_is_recorded_without_need(make, rng):
    with no_grad():
        assert not make(rng)(np.ones((B, T, M))).requires_grad
