import numpy as np


def causal_mask(q_pos, k_pos):
    """Who may look at whom when a sentence is written from left to right.

    A query may attend to keys at its own position and before. Positions are given, because with a cache the
    first query need not stand at position 0 and keys may be missing.

        mask[t, s] = (k_pos[s] <= q_pos[t])

    q_pos    (T,) whole numbers, the positions of the queries
    k_pos    (S,) whole numbers, the positions of the keys
    Returns a boolean array (T, S), True = may attend.

        >>> causal_mask(np.array([2]), np.array([0, 2, 3])).tolist()
        [[True, True, False]]
    """
    return k_pos[None, :] <= q_pos[:, None]
