import numpy as np


def split_heads(x, n_heads):
    """Cut the vectors of a sequence into heads.

    Head h gets the numbers h * d to (h + 1) * d of every time step, with d = d_model / n_heads.

    x          (B, T, d_model)
    n_heads    H, a divisor of d_model
    Returns (B, H, T, d).

        >>> split_heads(np.array([[[1, 2, 3, 4], [5, 6, 7, 8]]]), 2).tolist()
        [[[[1, 2], [5, 6]], [[3, 4], [7, 8]]]]
    """
    raise NotImplementedError
