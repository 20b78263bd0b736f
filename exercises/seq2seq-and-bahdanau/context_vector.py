import numpy as np


def context_vector(weights, states):
    """What the decoder reads: the encoder states, each counted by its weight.

        c_b = sum_s weights_bs states_bs

    weights    (B, S) rows sum to one (or to zero)
    states     (B, S, n)
    Returns the context (B, n).

        >>> context_vector(np.array([[0.25, 0.75]]), np.array([[[4.0, 0.0], [0.0, 4.0]]])).tolist()
        [[1.0, 3.0]]
    """
    raise NotImplementedError
