"""Layers and optimisers against PyTorch's, in values and gradients."""

import numpy as np
import pytest
import torch
from peer_torch import DTYPE, copy, equal, leaves, same, to_torch

from minattn import nn

pytestmark = pytest.mark.peers


def check(ours, theirs, names, x, bits):
    """Modules of one input; `names` pairs our parameters with theirs."""
    theirs = theirs.to(DTYPE[bits])
    state = dict(ours.named_parameters())
    pairs = [(state[a], theirs.get_parameter(b)) for a, b in names.items()]
    copy(pairs)
    mine, other = leaves(x, bits)
    same(ours(mine), theirs(other), [(mine, other)], pairs, bits)


WEIGHT_BIAS = {"weight": "weight", "bias": "bias"}


def test_linear(rng, bits):
    layer = nn.Linear(3, 11, rng=rng)
    layer.bias.data[:] = rng.normal(size=11)
    check(layer, torch.nn.Linear(3, 11), WEIGHT_BIAS, rng.normal(size=(2, 5, 3)), bits)
    layer = nn.Linear(3, 11, rng=rng, bias=False)
    check(layer, torch.nn.Linear(3, 11, bias=False), {"weight": "weight"}, rng.normal(size=(7, 3)), bits)


def test_layer_norm(rng, bits):
    layer = nn.LayerNorm(7)
    layer.gain.data[:], layer.bias.data[:] = rng.normal(size=(2, 7))
    x = rng.normal(3.0, 2.0, size=(2, 5, 7))
    check(layer, torch.nn.LayerNorm(7), {"gain": "weight", "bias": "bias"}, x, bits)


def test_rms_norm(rng, bits):
    layer = nn.RMSNorm(7)
    layer.gain.data[:] = rng.normal(size=7)
    check(layer, torch.nn.RMSNorm(7, eps=1e-6), {"gain": "weight"}, rng.normal(size=(2, 5, 7)), bits)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 3}, {"padding": 2, "dilation": 3}])
def test_convolutions(rng, bits, options):
    layer = nn.Conv1d(3, 5, 2, rng=rng, **options)
    layer.bias.data[:] = rng.normal(size=5)
    check(layer, torch.nn.Conv1d(3, 5, 2, **options), WEIGHT_BIAS, rng.normal(size=(2, 3, 11)), bits)
    layer = nn.Conv2d(3, 5, 2, rng=rng, **options)
    check(layer, torch.nn.Conv2d(3, 5, 2, **options), WEIGHT_BIAS, rng.normal(size=(2, 3, 11, 7)), bits)


def test_embedding(rng, bits):
    layer, theirs = nn.Embedding(7, 3, rng=rng), torch.nn.Embedding(7, 3).to(DTYPE[bits])
    pairs, ids = [(layer.weight, theirs.weight)], rng.integers(0, 7, size=(2, 5))
    copy(pairs)
    same(layer(ids), theirs(torch.tensor(ids)), [], pairs, bits)


def test_feed_forward_blocks(rng, bits):
    def theirs_1(x, w_1, b_1, w_2, b_2):
        hidden = torch.nn.functional.gelu(x @ w_1.T + b_1, approximate="tanh")
        return hidden @ w_2.T + b_2

    def theirs_2(x, w_1, v, w_2):
        return (torch.nn.functional.silu(x @ w_1.T) * (x @ v.T)) @ w_2.T

    for block, theirs in ((nn.FeedForward(5, 13, rng=rng), theirs_1), (nn.SwiGLU(5, 13, rng=rng), theirs_2)):
        mine, other = leaves(rng.normal(size=(2, 7, 5)), bits)
        pairs = [(p, to_torch(p, bits, requires_grad=True)) for p in block.parameters()]
        same(block(mine), theirs(other, *(b for _, b in pairs)), [(mine, other)], pairs, bits)


LENGTHS = np.array([7, 3, 1, 5])
KINDS = ["RNN", "relu", "GRU", "LSTM"]


def recurrent(kind, rng, bits, **options):
    """The pair of layers and their pairs of parameters."""
    name, ours, theirs = kind, {}, {}
    if kind == "relu":
        name, ours, theirs = "RNN", {"activation": "relu"}, {"nonlinearity": "relu"}
    layer = getattr(nn, name)(3, 5, rng=rng, **options, **ours)
    other = getattr(torch.nn, name)(
        3,
        5,
        num_layers=options.get("n_layers", 1),
        bidirectional=options.get("bidirectional", False),
        batch_first=True,
        **theirs,
    ).to(DTYPE[bits])
    pairs = []
    for i, scan in enumerate(layer.scans):
        suffix = f"l{i // layer.directions}" + ("_reverse" if i % layer.directions else "")
        names = {"w_x": "weight_ih", "w_h": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh"}
        for name, yours in names.items():
            parameter = getattr(scan, name)
            parameter.data = rng.normal(size=parameter.shape).astype(f"float{bits}") * 0.4
            pairs.append((parameter, other.get_parameter(f"{yours}_{suffix}")))
    copy(pairs)
    return layer, other, pairs


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("n_layers, bidirectional", [(1, False), (2, True), (3, False)])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_layers(rng, bits, kind, n_layers, bidirectional, packed):
    layer, other, pairs = recurrent(kind, rng, bits, n_layers=n_layers, bidirectional=bidirectional)
    mine, yours = leaves(rng.normal(size=(4, 7, 3)), bits)
    starts = [leaves(rng.normal(size=(len(layer.scans), 4, 5)), bits) for _ in range(layer.n_states)]
    valid = np.arange(7) < LENGTHS[:, None] if packed else np.ones((4, 7), dtype=bool)
    state = [s for s, _ in starts], [s for _, s in starts]
    state = state if kind == "LSTM" else (state[0][0], state[1][0])
    out, last = layer(mine, valid=valid if packed else None, state=state[0])
    given, start = yours, tuple(state[1]) if kind == "LSTM" else state[1]
    if packed:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        given = pack(yours, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    expected, ends = other(given, start)
    if packed:
        expected, _ = torch.nn.utils.rnn.pad_packed_sequence(expected, batch_first=True)

    lasts, ends = (last, ends) if kind == "LSTM" else ([last], [ends])
    for one, two in zip(lasts, ends, strict=True):
        equal(one, two, bits, "last")
    total = out * valid[..., None].astype(float)  # PyTorch writes zeros at padding
    total = (total * total).sum() + sum((end * end).sum() for end in lasts)
    theirs = (expected * expected).sum() + sum((end * end).sum() for end in ends)
    equal(out.numpy() * valid[..., None], expected, bits, "out")
    same(total, theirs, [(mine, yours), *starts], pairs, bits)


OPTIMISERS = {
    "sgd": (lambda p: nn.optim.SGD(p, lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (
        lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    ),
    "adam": (
        lambda p: nn.optim.Adam(p, lr=0.03, betas=(0.8, 0.95), eps=1e-7),
        lambda p: torch.optim.Adam(p, lr=0.03, betas=(0.8, 0.95), eps=1e-7),
    ),
    "adamw": (
        lambda p: nn.optim.AdamW(p, lr=0.03, decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.03, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_twenty_steps_of_every_optimiser(rng, bits, name):
    ours = [nn.Parameter(rng.normal(size=shape)) for shape in ((3, 5), (7,), (2, 1, 2))]
    theirs = [to_torch(p, bits, requires_grad=True) for p in ours]
    mine, yours = (make(p) for make, p in zip(OPTIMISERS[name], (ours, theirs)))
    for _ in range(20):
        for one, two in zip(ours, theirs):
            one.grad = rng.normal(size=one.shape).astype(f"float{bits}")
            two.grad = to_torch(one.grad, bits)
        mine.step()
        yours.step()
    for one, two in zip(ours, theirs):
        equal(one, two, bits)


@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clipping(rng, bits, max_norm):
    ours = [nn.Parameter(rng.normal(size=shape)) for shape in ((3, 5), (7,))]
    theirs = [to_torch(p, bits, requires_grad=True) for p in ours]
    for one, two in zip(ours, theirs):
        one.grad = rng.normal(size=one.shape).astype(f"float{bits}")
        two.grad = to_torch(one.grad, bits)
    norm = nn.optim.clip_grad_norm(ours, max_norm)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm).item()
    assert abs(norm - expected) <= 1e-5 * expected
    # PyTorch divides by norm + 1e-6; ours by the norm, as the paper does
    factor = (expected + 1e-6) / expected if norm > max_norm else 1.0
    for one, two in zip(ours, theirs):
        equal(one.grad, two.grad * factor, bits)


def test_a_small_network_trains_along_the_same_path(rng, bits):
    layer, other, pairs = recurrent("GRU", rng, bits)
    head, their_head = nn.Linear(5, 2, rng=rng), torch.nn.Linear(5, 2).to(DTYPE[bits])
    copy([(head.weight, their_head.weight), (head.bias, their_head.bias)])
    ours = nn.optim.AdamW([*layer.parameters(), *head.parameters()], lr=0.01)
    theirs = torch.optim.AdamW([*other.parameters(), *their_head.parameters()], lr=0.01)
    for _ in range(5):
        x, y = rng.normal(size=(4, 7, 3)), rng.normal(size=(4, 2))
        for optimiser in (ours, theirs):
            optimiser.zero_grad()
        loss = ((head(layer(x)[1][0]) - y) ** 2).sum()
        their_loss = ((their_head(other(to_torch(x, bits))[1][0]) - to_torch(y, bits)) ** 2).sum()
        equal(loss, their_loss, bits)
        loss.backward()
        their_loss.backward()
        nn.optim.clip_grad_norm(ours.parameters, 1e9)
        ours.step()
        theirs.step()
    # Adam divides by the size of a gradient, which magnifies the rounding of tiny ones
    for one, two in pairs:
        np.testing.assert_allclose(one.data, two.detach().numpy(), atol={32: 2e-3, 64: 1e-9}[bits])
