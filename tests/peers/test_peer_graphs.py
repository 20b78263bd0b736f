"""Five hundred random programs: the same graph in minattn and in PyTorch, values and leaf gradients."""

import numpy as np
import pytest
import torch

from minattn import backends
from minattn.autodiff import Tensor, ops, precision

pytestmark = pytest.mark.peers

# name: (ours, PyTorch's), both on one matrix. All are tame: no graph of 20 of them runs away.
UNARY = {
    "tanh": (ops.tanh, torch.tanh),
    "sin": (ops.sin, torch.sin),
    "sigmoid": (ops.sigmoid, torch.sigmoid),
    "silu": (ops.silu, torch.nn.functional.silu),
    "gelu": (ops.gelu, lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
    "softplus": (ops.softplus, torch.nn.functional.softplus),
    "relu": (ops.relu, torch.relu),
    "absolute": (ops.absolute, torch.abs),
    "gauss": (lambda x: ops.exp(-x * x), lambda x: torch.exp(-x * x)),
    "root": (lambda x: ops.sqrt(x * x + 1), lambda x: torch.sqrt(x * x + 1)),
    "log": (lambda x: ops.log(x * x + 1), lambda x: torch.log(x * x + 1)),
    "clip": (lambda x: ops.clip(x, -0.8, 0.9), lambda x: x.clip(-0.8, 0.9)),
    "scale": (lambda x: 1.5 - 0.7 * x / 2, lambda x: 1.5 - 0.7 * x / 2),
    "softmax": (ops.softmax, lambda x: x.softmax(-1)),
    "softmax_0": (lambda x: ops.softmax(x, axis=0), lambda x: x.softmax(0)),
    "log_softmax": (lambda x: 0.3 * ops.log_softmax(x), lambda x: 0.3 * x.log_softmax(-1)),
    "transpose": (lambda x: x.T, lambda x: x.T),
    "flip": (lambda x: ops.flip(x, 1), lambda x: x.flip(1)),
    "rows": (lambda x: x[::2], lambda x: x[::2]),
    "picked": (lambda x: x[:, [0, -1, 0]], lambda x: x[:, [0, -1, 0]]),
    "cumsum": (lambda x: 0.5 * ops.cumsum(x), lambda x: 0.5 * x.cumsum(-1)),
    "mean": (lambda x: x.mean(axis=0, keepdims=True), lambda x: x.mean(0, keepdim=True)),
    "max": (lambda x: x.max(axis=1, keepdims=True), lambda x: x.amax(1, keepdim=True)),
    "var": (lambda x: x.var(axis=1, keepdims=True), lambda x: x.var(1, unbiased=False, keepdim=True)),
    "logsumexp": (lambda x: ops.logsumexp(x, axis=0, keepdims=True), lambda x: x.logsumexp(0, keepdim=True)),
    "pad": (lambda x: ops.pad(x, ((1, 0), (0, 2))), lambda x: torch.nn.functional.pad(x, (0, 2, 1, 0))),
    "flat": (lambda x: x.reshape(1, -1), lambda x: x.reshape(1, -1)),
    "gram": (lambda x: 0.3 * x @ x.T, lambda x: 0.3 * x @ x.T),
    "norm": (
        lambda x: ops.layer_norm(x, np.ones(x.shape[1]), np.zeros(x.shape[1]), eps=0.1),
        lambda x: torch.nn.functional.layer_norm(x, x.shape[1:], eps=0.1),
    ),
}
# On two matrices that broadcast.
BINARY = {
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y),
    "multiply": (lambda x, y: x * y.tanh(), lambda x, y: x * y.tanh()),
    "divide": (lambda x, y: x / (y * y + 1), lambda x, y: x / (y * y + 1)),
    "maximum": (ops.maximum, torch.maximum),
    "minimum": (ops.minimum, torch.minimum),
    "power": (lambda x, y: (x.tanh() + 2) ** y.tanh(), lambda x, y: (x.tanh() + 2) ** y.tanh()),
    "where": (lambda x, y: ops.where(x > 0, x, y), lambda x, y: torch.where(x > 0, x, y)),
}
TABLES = {1: UNARY, 2: BINARY}
MAX_SIZE = 60


def program(rng):
    """Leaf shapes and instructions (table, name, indices of earlier nodes), tried out on shapes alone."""
    shapes = [tuple(int(n) for n in rng.choice([1, 2, 3, 5], size=2)) for _ in range(3)]
    leaves, steps = list(shapes), []
    n_steps = int(rng.integers(5, 21))
    while len(steps) < n_steps:
        size = int(rng.integers(1, 3))
        name = str(rng.choice(list(TABLES[size])))
        nodes = [int(i) for i in rng.integers(max(0, len(shapes) - 6), len(shapes), size=size)]
        given = [np.zeros(shapes[i]) for i in nodes]
        try:
            shape = TABLES[size][name][0](*map(Tensor, given)).shape
        except ValueError:  # these two do not broadcast
            continue
        if np.prod(shape) <= MAX_SIZE:
            shapes.append(shape)
            steps.append((size, name, nodes))
    return leaves, steps


def execute(steps, leaves, which):
    """The sum of the means of all results, so that every node counts; and all values."""
    nodes = list(leaves)
    for size, name, inputs in steps:
        nodes.append(TABLES[size][name][which](*(nodes[i] for i in inputs)))
    return sum((node * node).mean() for node in nodes), nodes


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("bits, tolerance", [(64, 1e-10), (32, 1e-5)])
@pytest.mark.parametrize("block", range(10))
def test_random_graphs(block, bits, tolerance, backend):
    kind = {32: torch.float32, 64: torch.float64}[bits]
    for seed in range(50 * block, 50 * block + 50):
        rng = np.random.default_rng(seed)
        shapes, steps = program(rng)
        arrays = [rng.normal(size=shape) for shape in shapes]
        with backends.using(backend), precision(bits):
            mine = [Tensor(a, requires_grad=True) for a in arrays]
            loss, nodes = execute(steps, mine, 0)
            values = [node.numpy() for node in nodes]
            loss.backward()
        theirs = [torch.tensor(a, dtype=kind, requires_grad=True) for a in arrays]
        wanted, peers = execute(steps, theirs, 1)
        wanted.backward()
        pairs = [*zip(values, peers, strict=True), *((m.grad, t.grad) for m, t in zip(mine, theirs))]
        for got, want in pairs:
            want = want.detach().numpy()
            scale = max(1.0, float(np.abs(want).max()))
            np.testing.assert_allclose(
                got, want, rtol=0, atol=tolerance * scale, err_msg=f"seed {seed}: {steps}"
            )
