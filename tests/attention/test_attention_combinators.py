"""Parallel and Sequential: mixers made of mixers keep what a mixer promises."""

import numpy as np
import pytest

from minattn import gradcheck, no_grad, precision
from minattn.attention import mixers

M, H, B, T = 8, 2, 3, 7


@pytest.fixture(autouse=True)
def double():
    with precision(64):
        yield


def parts(rng):
    return [mixers.load(name)(M, H, rng=rng) for name in ("linear", "window", "delta")]


JOINS = {
    "sum": lambda rng: mixers.Sum(),
    "average": lambda rng: mixers.Average(),
    "shares": lambda rng: mixers.Average([0.5, 0.2, 0.3]),
    "concat": lambda rng: mixers.Concat(M, 3, rng=rng),
    "gate": lambda rng: mixers.Gate(M, 3, rng=rng),
}
MIXERS = {name: lambda rng, join=join: mixers.Parallel(parts(rng), join(rng)) for name, join in JOINS.items()}
MIXERS["sequential"] = lambda rng: mixers.Sequential(parts(rng))


@pytest.fixture(params=MIXERS)
def mixer(request, rng):
    return MIXERS[request.param](rng)


def test_forward_equals_repeated_steps(mixer, rng):
    x, state, outs = rng.normal(size=(B, T, M)), None, []
    for t in range(T):
        out, state = mixer.step(x[:, t : t + 1], state)
        outs.append(out.numpy())
    np.testing.assert_allclose(np.concatenate(outs, axis=1), mixer(x).numpy(), atol=1e-10)
    assert not out.requires_grad


def test_padding_reaches_every_part(mixer, rng):
    x, valid = rng.normal(size=(B, T, M)), np.broadcast_to(np.arange(T) < 5, (B, T))
    with no_grad():
        np.testing.assert_allclose(mixer(x, valid=valid).numpy()[:, :5], mixer(x[:, :5]).numpy(), atol=1e-10)


def test_costs_add_up_and_gradients_are_right(mixer, rng):
    for n in (1, 16):
        assert mixer.state_floats(n) == sum(part.state_floats(n) for part in mixer.mixers)
        assert mixer.flops(n) == sum(part.flops(n) for part in mixer.mixers)
    gradcheck(mixer, rng.normal(size=(1, 3, M)))


def test_joins_are_what_they_say(rng):
    x, outs = rng.normal(size=(B, T, M)), list(rng.normal(size=(3, B, T, M)))
    np.testing.assert_allclose(mixers.Average([1, 0, 0])(x, outs), outs[0])
    np.testing.assert_allclose(mixers.Sum()(x, outs), sum(outs))
    np.testing.assert_allclose(mixers.Average()(x, outs), sum(outs) / 3)
    gate = mixers.Gate(M, 3, rng=rng)
    gate.w.bias.data[:] = [0, 100, 0]
    np.testing.assert_allclose(gate(x, outs).numpy(), outs[1], atol=1e-12)
    concat = mixers.Concat(M, 3, rng=rng)
    concat.w.weight.data[:] = np.tile(np.eye(M), 3)
    np.testing.assert_allclose(concat(x, outs).numpy(), sum(outs))
