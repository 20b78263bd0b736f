import numpy as np


def merge_heads(x):
    """Put the heads of a sequence side by side again; it undoes `split_heads`.

    x    (B, H, T, d)
    Returns (B, T, H * d): the numbers of head 0 first, then those of head 1, and so on.

        >>> merge_heads(np.array([[[[1, 2], [5, 6]], [[3, 4], [7, 8]]]])).tolist()
        [[[1, 2, 3, 4], [5, 6, 7, 8]]]
    """
    raise NotImplementedError
