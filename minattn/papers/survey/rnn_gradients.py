"""How a gradient stretches or fades on its way back through a recurrent layer. Nothing is trained."""

import numpy as np

from ...autodiff import Tensor
from ...nn import RNN


def rnn_of_radius(radius, rng):
    """An RNN whose W_h has a largest eigenvalue of size `radius`."""
    layer, w = RNN(8, 32, rng=rng), rng.normal(size=(32, 32))
    layer.scans[0].w_h.data = np.float32(w * radius / np.abs(np.linalg.eigvals(w)).max())
    return layer


def jacobian(layer, x, state):
    """d(state after x) / d(state before x), (H, H); of the cell state where the layer is an LSTM.

    layer    a recurrent layer, one scan
    x        (1, T, n_in)
    state    what the layer returned before x; a pair (h, c) for an LSTM
    The sequence is repeated H times and copy i is asked for the gradient of its element i, so one backward
    pass gives all rows.
    """
    n, pair = layer.n_hidden, layer.n_states == 2
    former = [Tensor(np.repeat(s.data, n, axis=1), requires_grad=True) for s in (state if pair else [state])]
    _, last = layer(np.repeat(x, n, axis=0), state=former if pair else former[0])
    ((last[1] if pair else last)[0] * np.eye(n)).sum().backward()
    return former[-1].grad[0]


def rest(layer):
    """The state of a layer that has read nothing."""
    zero = Tensor(np.zeros((1, 1, layer.n_hidden)))
    return (zero, zero) if layer.n_states == 2 else zero


def norms(layer, x):
    """Longest stretch of a gradient on its way from the last state back over 1, 2, .. T steps, (T,)."""
    states = [rest(layer)]
    for t in range(x.shape[1] - 1):
        states.append(layer(x[:, t : t + 1], state=states[-1])[1])
    return np.array([np.linalg.norm(jacobian(layer, x[:, t:], s), 2) for t, s in enumerate(states)][::-1])
