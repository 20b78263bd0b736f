"""Every function that PyTorch has, too: values and gradients, on numpy and numba, in both precisions."""

import numpy as np
import pytest
import torch

from minattn import backends
from minattn.autodiff import Tensor, ops, precision

F = torch.nn.functional
pytestmark = pytest.mark.peers

TOLERANCE = {32: 1e-5, 64: 1e-10}
both_precisions = pytest.mark.parametrize("bits", [32, 64])
both_backends = pytest.mark.parametrize("backend", ["numpy", "numba"])


def numbers(*shape, low=None, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return rng.normal(size=shape) if low is None else rng.uniform(low, low + 2, size=shape)


def compare(ours, theirs, arrays, bits):
    """Values and gradients of a random weighting of the output must agree."""
    with precision(bits):
        mine = [Tensor(a, requires_grad=True) for a in arrays]
        out = ours(*mine)
        outs = [out] if isinstance(out, Tensor) else list(out)
        weights = [np.random.default_rng(i).normal(size=o.shape) for i, o in enumerate(outs)]
        sum((o * w).sum() for o, w in zip(outs, weights)).backward()
    kind = {32: torch.float32, 64: torch.float64}[bits]
    other = [torch.tensor(a, dtype=kind, requires_grad=True) for a in arrays]
    wanted = theirs(*other)
    wanted = [wanted] if isinstance(wanted, torch.Tensor) else list(wanted)
    sum((o * torch.tensor(w, dtype=kind)).sum() for o, w in zip(wanted, weights)).backward()
    for a, b in zip(outs, wanted, strict=True):
        close(a.numpy(), b.detach().numpy(), bits)
    for i, (a, b) in enumerate(zip(mine, other)):
        got = np.zeros(a.shape) if a.grad is None else a.grad
        want = np.zeros(a.shape) if b.grad is None else b.grad.numpy()
        close(got, want, bits, f"gradient of argument {i}")


def close(got, want, bits, what="value"):
    assert got.dtype == want.dtype or not got.any(), what
    scale = max(1.0, float(np.abs(want).max(initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE[bits] * scale, err_msg=what)


X, Y, POSITIVE = numbers(2, 3, 5), numbers(3, 1, seed=1), numbers(2, 3, 5, low=0.5)
TIES = np.round(X)
MASK = np.random.default_rng(2).random((2, 3, 5)) < 0.6
MASK[..., 0] = True
IDS = np.random.default_rng(3).integers(0, 5, size=(2, 3, 4))
TARGETS = np.array([4, 0, 2, 9, 1, 1])
CASES = {
    "add": (lambda x, y: x + y, lambda x, y: x + y, X, Y),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y, X, Y),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y, X, Y),
    "divide": (lambda x, y: x / y, lambda x, y: x / y, X, POSITIVE),
    "negative": (lambda x: -x, lambda x: -x, X),
    "power": (lambda x, y: x**y, lambda x, y: x**y, POSITIVE, Y),
    "square": (lambda x: x**2, lambda x: x**2, X),
    "exp": (ops.exp, torch.exp, X),
    "log": (ops.log, torch.log, POSITIVE),
    "sqrt": (ops.sqrt, torch.sqrt, POSITIVE),
    "sin": (ops.sin, torch.sin, X),
    "cos": (ops.cos, torch.cos, X),
    "tanh": (ops.tanh, torch.tanh, 3 * X),
    "sigmoid": (ops.sigmoid, torch.sigmoid, 9 * X),
    "softplus": (ops.softplus, F.softplus, 9 * X),
    "relu": (ops.relu, torch.relu, TIES),
    "gelu": (ops.gelu, lambda x: F.gelu(x, approximate="tanh"), 3 * X),
    "silu": (ops.silu, F.silu, 3 * X),
    "absolute": (ops.absolute, torch.abs, TIES),
    "maximum": (ops.maximum, torch.maximum, TIES, np.round(Y)),
    "minimum": (ops.minimum, torch.minimum, TIES, np.round(Y)),
    "clip": (lambda x: ops.clip(x, -1, 0.5), lambda x: x.clip(-1, 0.5), TIES),
    "where": (lambda x, y: ops.where(MASK, x, y), lambda x, y: torch.where(torch.tensor(MASK), x, y), X, Y),
    "sum": (lambda x: ops.sum(x, axis=(0, -1)), lambda x: x.sum((0, -1)), X),
    "mean": (lambda x: ops.mean(x, axis=1), lambda x: x.mean(1), X),
    "max": (lambda x: ops.max(x, axis=-1), lambda x: x.amax(-1), TIES),
    "min": (lambda x: ops.min(x, axis=(0, 1)), lambda x: x.amin((0, 1)), TIES),
    "var": (lambda x: ops.var(x, axis=-2), lambda x: x.var(-2, unbiased=False), X),
    "cumsum": (lambda x: ops.cumsum(x, axis=1), lambda x: x.cumsum(1), X),
    "matmul": (ops.matmul, torch.matmul, numbers(7, 1, 2, 3), numbers(11, 3, 5)),
    "matmul_shared": (ops.matmul, torch.matmul, X, numbers(5, 7)),
    "matmul_vector": (ops.matmul, torch.matmul, X, numbers(5)),
    "linear": (ops.linear, F.linear, X, numbers(7, 5), numbers(7)),
    "reshape": (lambda x: ops.reshape(x, (5, -1)), lambda x: x.reshape(5, -1), X),
    "transpose": (lambda x: ops.transpose(x, (2, 0, 1)), lambda x: x.permute(2, 0, 1), X),
    "swapaxes": (lambda x: ops.swapaxes(x, 0, -1), lambda x: x.swapaxes(0, -1), X),
    "flip": (lambda x: ops.flip(x, 1), lambda x: x.flip(1), X),
    "pad": (lambda x: ops.pad(x, ((0, 0), (1, 0), (2, 3))), lambda x: F.pad(x, (2, 3, 1, 0)), X),
    "concatenate": (lambda *a: ops.concatenate(a, axis=1), lambda *a: torch.cat(a, 1), X, POSITIVE),
    "stack": (lambda *a: ops.stack(a, axis=-1), lambda *a: torch.stack(a, -1), X, POSITIVE),
    "split": (lambda x: ops.split(x, 3, axis=1), lambda x: x.split(1, 1), X),
    "expand_dims": (lambda x: ops.expand_dims(x, -2), lambda x: x.unsqueeze(-2), X),
    "squeeze": (lambda x: ops.squeeze(x, 1), lambda x: x.squeeze(1), Y),
    "broadcast_to": (lambda y: ops.broadcast_to(y, (2, 3, 5)), lambda y: y.expand(2, 3, 5), Y),
    "repeat_heads": (
        lambda x: ops.repeat_heads(x, 3),
        lambda x: x.repeat_interleave(3, dim=1),
        numbers(2, 3, 5, 7),
    ),
    "getitem": (lambda x: x[:, 1, [0, 3, 3]], lambda x: x[:, 1, [0, 3, 3]], X),
    "getitem_mask": (lambda x: x[MASK], lambda x: x[torch.tensor(MASK)], X),
    "take_along_axis": (lambda x: ops.take_along_axis(x, IDS), lambda x: x.gather(-1, torch.tensor(IDS)), X),
    "scatter_add": (
        lambda x, y: ops.scatter_add(x, IDS, y),
        lambda x, y: x.scatter_add(-1, torch.tensor(IDS), y),
        X,
        numbers(2, 3, 4),
    ),
    "embedding": (lambda w: ops.embedding(w, IDS), lambda w: w[torch.tensor(IDS)], numbers(5, 7)),
    "top_k": (
        lambda x: ops.max(ops.top_k(x, 2)[0], axis=-1),
        lambda x: x.topk(2).values[..., 0],
        X,
    ),
    "softmax": (lambda x: ops.softmax(x, axis=1), lambda x: x.softmax(1), X),
    "softmax_last": (lambda x: ops.softmax(9 * x), lambda x: (9 * x).softmax(-1), X),
    "softmax_masked": (
        lambda x: ops.softmax(x, MASK),
        lambda x: x.masked_fill(torch.tensor(~MASK), -torch.inf).softmax(-1),
        X,
    ),
    "log_softmax": (lambda x: ops.log_softmax(x, axis=-2), lambda x: x.log_softmax(-2), X),
    "logsumexp": (lambda x: ops.logsumexp(x, axis=0), lambda x: x.logsumexp(0), X),
    "layer_norm": (ops.layer_norm, lambda x, *a: F.layer_norm(x, (5,), *a), X, numbers(5), POSITIVE[0, 0]),
    "rms_norm": (ops.rms_norm, lambda x, g: F.rms_norm(x, (5,), g, eps=1e-6), X, numbers(5)),
    "cross_entropy": (
        lambda x: ops.cross_entropy(x, TARGETS, ignore=9, smoothing=0.1),
        lambda x: F.cross_entropy(x, torch.tensor(TARGETS), ignore_index=9, label_smoothing=0.1),
        numbers(6, 5),
    ),
    "binary_cross_entropy": (
        lambda x: ops.binary_cross_entropy(x, MASK * 1.0),
        lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor(MASK).to(x.dtype)),
        X,
    ),
    "mse": (ops.mse, F.mse_loss, X, POSITIVE),
    "conv1d": (
        lambda *a: ops.conv1d(*a, stride=2, padding=3, dilation=2),
        lambda *a: F.conv1d(*a, stride=2, padding=3, dilation=2),
        numbers(2, 3, 11), numbers(5, 3, 4), numbers(5),
    ),
    "conv2d": (
        lambda *a: ops.conv2d(*a, stride=(2, 1), padding=(1, 2), dilation=(1, 3)),
        lambda *a: F.conv2d(*a, stride=(2, 1), padding=(1, 2), dilation=(1, 3)),
        numbers(2, 3, 7, 11), numbers(5, 3, 2, 3), numbers(5),
    ),
}  # fmt: skip


@both_backends
@both_precisions
@pytest.mark.parametrize("name", CASES)
def test_op(name, bits, backend):
    ours, theirs, *arrays = CASES[name]
    with backends.using(backend):
        compare(ours, theirs, arrays, bits)


@both_backends
@both_precisions
@pytest.mark.parametrize("extra", ["none", "causal", "padding", "bias"])
@pytest.mark.parametrize("keys", [11, 301])  # kept weights and tiles
def test_attention(extra, keys, bits, backend):
    arrays = numbers(2, 3, 7, 5), numbers(2, 3, keys, 5, seed=1), numbers(2, 3, keys, 4, seed=2)
    mask = {
        "causal": np.arange(keys) <= np.arange(7)[:, None] + keys - 7,
        "padding": np.arange(keys) < np.array([5, keys - 3])[:, None, None, None],
    }.get(extra)
    bias = numbers(3, 7, keys) if extra == "bias" else None

    def theirs(q, k, v):
        added = None if bias is None else torch.tensor(bias, dtype=q.dtype)[None]
        allowed = None if mask is None else torch.tensor(mask)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=added if allowed is None else allowed)

    with backends.using(backend):
        compare(lambda q, k, v: ops.attention(q, k, v, mask, bias), theirs, arrays, bits)


GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@both_backends
@both_precisions
@pytest.mark.parametrize("lengths", [None, [5, 2, 4]], ids=["full", "padded"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_recurrent(kind, reverse, lengths, bits, backend):
    """Forward or backward half of PyTorch's bidirectional layer, on packed sequences where padded."""
    rows, n_in, n = GATES[kind] * 7, 2, 7
    arrays = [
        numbers(3, 5, n_in),
        numbers(rows, n_in),
        numbers(rows, n),
        numbers(rows),
        numbers(rows, seed=1),
    ]
    arrays += [numbers(3, n, seed=i) for i in range(2 if kind == "lstm" else 1)]
    valid = None if lengths is None else np.arange(5) < np.array(lengths)[:, None]
    counted = np.ones((3, 5, 1)) if valid is None else valid[..., None] * 1.0

    def ours(*args):
        out = getattr(ops, kind)(*args, valid=valid, reverse=reverse)
        if kind != "lstm":
            return out * counted, out[:, 0 if reverse else -1]
        h, c = out
        return h * counted, h[:, 0 if reverse else -1], c[:, 0 if reverse else -1]

    def theirs(x, w_x, w_h, b_x, b_h, *start):
        layer = getattr(torch.nn, kind.upper())(n_in, n, batch_first=True, bidirectional=True).to(x.dtype)
        suffix = "_l0_reverse" if reverse else "_l0"
        weights = {"weight_ih": w_x, "weight_hh": w_h, "bias_ih": b_x, "bias_hh": b_h}
        state = [
            torch.stack([torch.zeros_like(s), s] if reverse else [s, torch.zeros_like(s)]) for s in start
        ]
        given = x if valid is None else packed(x, lengths)
        out, last = torch.func.functional_call(
            layer, {name + suffix: w for name, w in weights.items()},
            (given, tuple(state) if kind == "lstm" else state[0]),
        )  # fmt: skip
        if valid is not None:
            out = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=5)[0]
        half = out[..., n:] if reverse else out[..., :n]
        ends = last if kind == "lstm" else (last,)
        return (half, *(end[1 if reverse else 0] for end in ends))

    with backends.using(backend):
        compare(ours, theirs, arrays, bits)


def packed(x, lengths):
    return torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
