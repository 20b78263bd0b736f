"""The sections of the survey: for each, the component that it became here and a check of its main fact.

Checks take milliseconds and train nothing. All run in float64, on one fixed small sequence.
"""

import importlib

import numpy as np

from ...attention import bahdanau
from ...autodiff import Tensor, gradcheck, ops, precision
from ...nn import GRU, LSTM, RNN, init

B, T, IN, H = 2, 5, 3, 4


def jacobian(layer, x, state):
    """d(state after x) / d(state before x), (H, H); of the cell state where the layer is an LSTM.

    layer    a recurrent layer, one scan
    x        (1, T, n_in)
    state    what the layer returned before x, one sequence
    The sequence is repeated H times and copy i is asked for the gradient of its element i, so one backward
    pass gives all rows.
    """
    n = layer.n_hidden
    former = [Tensor(np.repeat(s, n, axis=1), requires_grad=True) for s in state]
    _, last = layer(np.repeat(x, n, axis=0), state=former if len(former) > 1 else former[0])
    last = last[-1] if len(former) > 1 else last
    (last[0] * np.eye(n)).sum().backward()
    return former[-1].grad[0]


def _inputs(seed=0):
    return np.random.default_rng(seed), np.random.default_rng(seed + 1).normal(size=(B, T, IN))


def _weights(rng, gates=1):
    return [rng.normal(size=s) / 2 for s in ((gates * H, IN), (gates * H, H), (gates * H,), (gates * H,))]


def step_equation():
    """The scan is h_t = tanh(W_x x_t + W_h h_{t-1} + b), step by step."""
    rng, x = _inputs()
    w_x, w_h, b, c = _weights(rng)
    h, steps = np.zeros((B, H)), []
    for t in range(T):
        h = np.tanh(x[:, t] @ w_x.T + h @ w_h.T + b + c)
        steps.append(h)
    return np.allclose(ops.rnn(x, w_x, w_h, b, c).data, np.stack(steps, axis=1), atol=1e-12)


def central_differences():
    """Backpropagation through time agrees with central differences for all three cells."""
    rng, x = _inputs()
    for scan, gates in ((ops.rnn, 1), (ops.gru, 3), (lambda *a: ops.stack(ops.lstm(*a)), 4)):
        gradcheck(scan, x, *_weights(rng, gates))  # raises where it does not
    return True


def double_sum():
    """dL/dW_h = sum over t and k <= t of dL_t/dh_t (product of the Jacobians between) dh_k/dW_h."""
    rng, x = _inputs()
    w_x, w_h, b, c = _weights(rng)
    pull = rng.normal(size=(B, T, H))  # dL_t/dh_t
    w = Tensor(w_h, requires_grad=True)
    out = ops.rnn(x, w_x, w, b, c)
    (out * pull).sum().backward()
    h = np.concatenate([np.zeros((B, 1, H)), out.data], axis=1)  # h[:, t + 1] is the state after step t
    total = np.zeros_like(w_h)
    for t in range(T):
        for k in range(t + 1):
            g = pull[:, t] * (1 - h[:, t + 1] ** 2)
            for j in range(t, k, -1):
                g = (g @ w_h) * (1 - h[:, j] ** 2)
            total += g.T @ h[:, k]
    return np.allclose(w.grad, total, atol=1e-10)


def _gradient_truncated(tau):
    rng, x = _inputs()
    w_x, w_h, b, c = _weights(rng)
    w = Tensor(w_h, requires_grad=True)
    (ops.rnn(x, w_x, w, b, c, truncate=tau) ** 2).sum().backward()
    return w.grad


def truncation_long():
    """Truncated to tau >= T steps nothing is cut."""
    return all(np.array_equal(_gradient_truncated(tau), _gradient_truncated(None)) for tau in (T, T + 3))


def truncation_short():
    """Truncated to one step, h_{t-1} is a constant."""
    rng, x = _inputs()
    w_x, w_h, b, c = _weights(rng)
    w, before = Tensor(w_h, requires_grad=True), np.zeros((B, H))
    for t in range(T):
        out = ops.rnn(x[:, t : t + 1], w_x, w, b, c, h0=before)
        (out**2).sum().backward()
        before = out.data[:, 0]
    return np.allclose(w.grad, _gradient_truncated(1), atol=1e-12)


def powers():
    """Around h = 0, where tanh is linear, W = lambda Q makes a gradient over k steps lambda^k times as long."""
    rng, k = np.random.default_rng(0), 17
    layer, norms = RNN(IN, H, rng=rng), {}
    for scale in (0.5, 1.0, 1.3):
        layer.scans[0].w_h.data = scale * init.orthogonal(rng, H)
        norms[scale] = np.linalg.norm(jacobian(layer, np.zeros((1, k, IN)), [np.zeros((1, 1, H))]), 2)
    return all(np.isclose(norm, scale**k, rtol=1e-12) for scale, norm in norms.items())


def copies():
    """With forget gate 1 and input gate 0 an LSTM hands its cell state on, bit for bit, over 200 steps."""
    rng = np.random.default_rng(0)
    layer = LSTM(IN, H, rng=rng)
    layer.scans[0].b_x.data[:H], layer.scans[0].b_x.data[H : 2 * H] = -1e4, 1e4
    c = rng.normal(size=(1, B, H))
    _, (_, last) = layer(rng.normal(size=(B, 200, IN)), state=(np.zeros_like(c), c))
    return np.array_equal(last.data, c)


def stack():
    """A stack of two layers is the second layer run over the states of the first."""
    rng, x = _inputs()
    both, lower, upper = (RNN(n, H, rng=rng, n_layers=m) for n, m in ((IN, 2), (IN, 1), (H, 1)))
    lower.scans[0], upper.scans[0] = both.scans
    return np.array_equal(both(x)[0].data, upper(lower(x)[0])[0].data)


def mirror():
    """Where both directions share weights, a reversed input swaps the two halves and reverses them in time."""
    rng, x = _inputs()
    layer = GRU(IN, H, rng=rng, bidirectional=True)
    layer.scans[1] = layer.scans[0]
    ahead, back = layer(x)[0].data, layer(x[:, ::-1])[0].data[:, ::-1]
    return np.array_equal(back[..., H:], ahead[..., :H]) and np.array_equal(back[..., :H], ahead[..., H:])
