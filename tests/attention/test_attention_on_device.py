"""Every mechanism computes on a device's arrays what it computes on NumPy's."""

import numpy as np
import pytest
from test_attention_anatomy import SLOTS, H, M, build

from minattn import Tensor, backends, no_grad
from minattn import attention as A

B, T, S = 2, 5, 7
VALID = np.arange(S) < np.array([[7], [3]])
RNG = np.random.default_rng(3)
X, CONTEXT = RNG.normal(size=(B, T, M)), RNG.normal(size=(B, S, M))


def run(name):
    """The outputs of both paths and the gradients of x."""
    with backends.using("numpy"):
        attention, results = build(name, np.random.default_rng(5)), []
    attention.load_state_dict(attention.state_dict())  # onto the device
    for call in (attention, lambda *a, **k: attention.trace(*a, **k).out):
        x = Tensor(X, requires_grad=True)
        out = call(x, CONTEXT, valid=VALID)
        out.sum().backward()
        results += [out.numpy(), backends.asnumpy(x.grad)]
    return results


@pytest.mark.parametrize("name", SLOTS)
def test_both_paths(name, device):
    with backends.using("numpy"):
        expected = run(name)
    for got, wanted in zip(run(name), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def decode():
    attention = A.grouped_query(M, H * 2, 2, rng=np.random.default_rng(5), masks=[A.Causal()])
    cache = A.KVCache()
    with no_grad():
        attention(X[:, :2], valid=VALID[:, 1:3], cache=cache)
        cache.reorder([1, 0, 1])
        return attention(np.concatenate([X, X])[:3, 2:], cache=cache).numpy()


def linear():
    attention = A.LinearMixer(A.MultiHead(M, H, rng=np.random.default_rng(5)))
    _, state = attention.step(X[:, :1])
    step = attention.step(X[:, 1:2], state)[0].numpy()
    return np.concatenate([attention(X, VALID[:, :T]).numpy(), attention.parallel(X).numpy(), step], axis=1)


def embedded():
    places = backends.xp.arange(3, 3 + T)
    learned = A.LearnedPositions(11, M, rng=np.random.default_rng(5))
    return learned.embed(A.Sinusoidal(M).embed(X, places), places).numpy()


@pytest.mark.parametrize("compute", [decode, linear, embedded])
def test_caches_linear_attention_and_embedded_positions(compute, device):
    with backends.using("numpy"):
        expected = compute()
    np.testing.assert_allclose(compute(), expected, atol=1e-5)
