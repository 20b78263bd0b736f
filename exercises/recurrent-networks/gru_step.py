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
    raise NotImplementedError
