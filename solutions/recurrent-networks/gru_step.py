import numpy as np


def gru_step(x, h, w_x, w_h, b):
    """One step of a gated recurrent unit.

    The last axis of x w_x + b and of h w_h holds three blocks of n columns: reset, update, candidate.

        r  = sigmoid(x_r + h_r)              how much of the old state the candidate may see
        z  = sigmoid(x_z + h_z)              how much of the old state is kept
        c  = tanh(x_c + r * h_c)             the candidate; r multiplies after the product with w_h
        h' = (1 - z) * c + z * h

    x      (B, n_in);  its numbers may be as large as 1e4
    h      (B, n) the state before
    w_x    (n_in, 3 n),  w_h (n, 3 n),  b (3 n,)
    Returns the new state (B, n).

        >>> x, h = np.ones((1, 2)), np.ones((1, 1))
        >>> gru_step(x, h, np.zeros((2, 3)), np.zeros((1, 3)), np.zeros(3)).tolist()
        [[0.5]]
    """
    x_r, x_z, x_c = np.split(x @ w_x + b, 3, axis=-1)
    h_r, h_z, h_c = np.split(h @ w_h, 3, axis=-1)
    r = (1 + np.tanh((x_r + h_r) / 2)) / 2  # sigmoid, written so that nothing can overflow
    z = (1 + np.tanh((x_z + h_z) / 2)) / 2
    candidate = np.tanh(x_c + r * h_c)
    return (1 - z) * candidate + z * h
