import numpy as np


def masked_last_state(states, valid):
    """The last state of each sequence that is not padding.

    states    (B, T, n)
    valid     (B, T) boolean, True where there is a real step; padding may stand anywhere
    Returns (B, n): row b is states[b, t] for the last t with valid[b, t]; zeros for a row without any.

        >>> states = np.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
        >>> masked_last_state(states, np.array([[True, True, False], [False, False, False]])).tolist()
        [[2.0], [0.0]]
    """
    raise NotImplementedError
