import numpy as np


def rnn_forward(x, w_x, w_h, b, h0):
    """Run a simple recurrent network over a batch of sequences.

        h_t = tanh(x_t w_x + h_{t-1} w_h + b),   h_{-1} = h0

    x      (B, T, n_in) inputs
    w_x    (n_in, n)
    w_h    (n, n)
    b      (n,)
    h0     (B, n) the state before the first step
    Returns the states (B, T, n).

        >>> one = np.ones((1, 1))
        >>> rnn_forward(np.array([[[1.0], [0.0]]]), one, one, np.zeros(1), np.zeros((1, 1))).round(3).tolist()
        [[[0.762], [0.642]]]
    """
    raise NotImplementedError
