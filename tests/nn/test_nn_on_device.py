"""Layers and optimisers compute on a device's arrays what they compute on NumPy's."""

import numpy as np
import pytest

from minattn import Tensor, backends, nn

X = np.random.default_rng(3).normal(size=(2, 5, 7))
VALID = np.arange(5) < np.array([[5], [2]])
LAYERS = {
    "linear": lambda rng: nn.Linear(7, 3, rng=rng),
    "layer_norm": lambda rng: nn.LayerNorm(7),
    "rms_norm": lambda rng: nn.RMSNorm(7),
    "feed_forward": lambda rng: nn.FeedForward(7, 3, rng=rng),
    "swiglu": lambda rng: nn.SwiGLU(7, 3, rng=rng),
    "dropout": lambda rng: nn.Dropout(0.3, rng=rng),
    "conv1d": lambda rng: nn.Conv1d(5, 3, 2, rng=rng),
    "conv2d": lambda rng: nn.Conv2d(2, 3, 2, rng=rng),
}


def run(make):
    layer = make(np.random.default_rng(5))
    x = Tensor(X[None] if isinstance(layer, nn.Conv2d) else X, requires_grad=True)
    out = layer(x)
    (out * out).sum().backward()
    return [out.numpy(), *(backends.asnumpy(t.grad) for t in (x, *layer.parameters()))]


def twice(compute, *given):
    """On the device and in NumPy."""
    with backends.using("numpy"):
        expected = compute(*given)
    for got, wanted in zip(compute(*given), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, device):
    twice(run, LAYERS[name])


def recurrent(kind):
    layer = kind(7, 3, rng=np.random.default_rng(5), n_layers=2, bidirectional=True)
    out, last = layer(X, valid=VALID)
    (out * out).sum().backward()
    again, _ = layer(X, state=last)
    return [out.numpy(), again.numpy(), *(backends.asnumpy(p.grad) for p in layer.parameters())]


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_layers(kind, device):
    twice(recurrent, kind)


def trained(optimiser):
    layer = nn.Linear(7, 3, rng=np.random.default_rng(5))
    optimiser = optimiser(layer.parameters(), lr=0.1)
    for _ in range(3):
        layer.zero_grad()
        (layer(X) ** 2).sum().backward()
        norm = nn.optim.clip_grad_norm(layer.parameters(), 1.0)
        optimiser.step()
        optimiser.load_state_dict(optimiser.state_dict())
        layer.load_state_dict(layer.state_dict())
    arrays = [*layer.state_dict().values(), *optimiser.state_dict().values()]
    assert all(type(a) is np.ndarray for a in arrays)
    return [*arrays, np.array(norm)]


@pytest.mark.parametrize("optimiser", [nn.optim.SGD, nn.optim.Adam, nn.optim.AdamW])
def test_training(optimiser, device):
    twice(trained, optimiser)


def test_embedding(device):
    def rows():
        table = nn.Embedding(7, 3, rng=np.random.default_rng(5))
        table(np.array([[1, 2, 1]])).sum().backward()
        return [table(np.array([4])).numpy(), backends.asnumpy(table.weight.grad)]

    twice(rows)
