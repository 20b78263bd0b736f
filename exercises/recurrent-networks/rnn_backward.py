import numpy as np


def rnn_backward(grad, states, x, w_x, w_h, h0):
    """Back-propagation through time for  h_t = tanh(a_t),  a_t = x_t w_x + h_{t-1} w_h + b.

    Every state may be used by the loss (its local gradient is `grad[:, t]`) and is used by the next step, so
    both gradients reach it. Walk from the last step to the first.

    grad      (B, T, n) gradient of the loss with respect to each state
    states    (B, T, n) the states h_t of the forward pass
    x         (B, T, n_in),  w_x (n_in, n),  w_h (n, n)
    h0        (B, n) the state before the first step, h_{-1}
    Returns (dx, dw_x, dw_h, db, dh0) with shapes (B, T, n_in), (n_in, n), (n, n), (n,), (B, n).

        >>> one, zeros = np.ones((1, 1)), np.zeros((1, 2, 1))
        >>> dx, dw_x, dw_h, db, dh0 = rnn_backward(zeros + 1, zeros, zeros + 1, one, 2 * one, one)
        >>> dx.tolist(), dw_x.tolist(), dw_h.tolist(), db.tolist(), dh0.tolist()
        ([[[3.0], [1.0]]], [[4.0]], [[3.0]], [4.0], [[6.0]])
    """
    raise NotImplementedError
