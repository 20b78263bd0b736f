"""The sections of the survey: for each, the component that it became here and a check of its main fact.

Checks take milliseconds and train nothing; they want `precision(64)`. `SECTIONS` at the end is the table.
"""

import numpy as np

from ...attention import multi_head, record
from ...autodiff import Tensor, gradcheck, ops
from ...models import Bahdanau, Plain, PointerNetwork
from ...nn import GRU, LSTM, RNN, init
from .rnn_gradients import jacobian, rest

B, T, IN, H = 2, 4, 2, 3


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
    """Around h = 0, where tanh is linear, W = lambda Q makes a gradient lambda^k times as long in k steps."""
    rng, k = np.random.default_rng(0), 17
    layer, norms = RNN(IN, H, rng=rng), {}
    for scale in (0.5, 1.0, 1.3):
        layer.scans[0].w_h.data = scale * init.orthogonal(rng, H)
        norms[scale] = np.linalg.norm(jacobian(layer, np.zeros((1, k, IN)), rest(layer)), 2)
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
    """With shared weights, a reversed input swaps the halves of both directions and reverses them in time."""
    rng, x = _inputs()
    layer = GRU(IN, H, rng=rng, bidirectional=True)
    layer.scans[1] = layer.scans[0]
    ahead, back = layer(x)[0].data, layer(x[:, ::-1])[0].data[:, ::-1]
    return np.array_equal(back[..., H:], ahead[..., :H]) and np.array_equal(back[..., :H], ahead[..., H:])


def one_vector():
    """However long the source, a decoder without attention gets one vector of one length."""
    model = Plain(9, 9, d_embed=IN, d_encoder=H, d_decoder=7, rng=np.random.default_rng(0))
    states = [model.start(np.full((B, length), 5)) for length in (3, 50)]
    return all(s.memory.shape == (B, 1, 7) for s in states) and np.array_equal(
        states[1].memory.data[:, 0], states[1].hidden.data
    )


def weighted_sum():
    """alpha_ti = softmax_i(v^T tanh(W s_{t-1} + U h_i)),  c_t = sum_i alpha_ti h_i."""
    rng = np.random.default_rng(0)
    model = Bahdanau(9, 9, d_embed=IN, d_encoder=H, d_decoder=7, d_score=5, rng=rng)
    with record(model.aligner) as traces:
        model(rng.integers(3, 9, (B, 6)), rng.integers(3, 9, (B, T)))
    t, score = traces[""], model.attention.score
    pairs = (t.q.data @ score.w.data)[:, :, :, None] + (t.k.data @ score.u.data)[:, :, None]
    weights = np.exp((np.tanh(pairs) @ score.v.data[:, None])[..., 0])
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.allclose(t.weights.data, weights) and np.allclose(t.out.data, (weights @ t.k.data)[:, 0])


def order_blind():
    """Self-attention alone does not know the order: a permuted input permutes the output."""
    rng = np.random.default_rng(0)
    attention, x, order = multi_head(6, 2, rng=rng), rng.normal(size=(B, 5, 6)), rng.permutation(5)
    return np.allclose(attention(x[:, order]).data, attention(x).data[:, order], atol=1e-12)


def pointers():
    """The probabilities of the places sum to 1; a place that was named before gets exactly 0."""
    rng = np.random.default_rng(0)
    model, free = PointerNetwork(9, d_embed=IN, n_hidden=4, rng=rng), np.ones((B, 5), dtype=bool)
    x, memory, state = model.encode(rng.integers(9, size=(B, 5)), free)
    free[0, 3] = free[1, 0] = False
    p = ops.softmax(model.decode(x[:, :1], memory, free, state)[0]).data[:, 0]
    return np.allclose(p.sum(axis=-1), 1) and np.array_equal(p == 0, ~free)


SECTIONS = {  # section: (component, checks)
    "recurrent networks": ("minattn.nn:RNN", (step_equation,)),
    "backpropagation through time": ("minattn.autodiff:ops.rnn", (central_differences, double_sum)),
    "truncated backpropagation": ("minattn.autodiff:ops.rnn", (truncation_long, truncation_short)),
    "vanishing and exploding gradients": ("minattn.papers.survey.rnn_gradients:jacobian", (powers,)),
    "long short-term memory": ("minattn.nn:LSTM", (copies,)),
    "deep recurrent networks": ("minattn.nn:RNN", (stack,)),
    "bidirectional networks": ("minattn.nn:GRU", (mirror,)),
    "encoder-decoder": ("minattn.models:Plain", (one_vector,)),
    "attention": ("minattn.models:Bahdanau", (weighted_sum,)),
    "transformer": ("minattn.models:Transformer", (order_blind,)),
    "pointer networks": ("minattn.models:PointerNetwork", (pointers,)),
}
