import numpy as np


def masked_softmax(scores, mask):
    """Softmax along the last axis over the allowed keys only.

        w_s = exp(x_s) / sum over allowed s' of exp(x_s')   where allowed,   w_s = 0 elsewhere

    scores    (..., S);  numbers may be as large as 1e4, also where they are not allowed
    mask      (..., S) boolean of the same shape, True = may attend
    Returns the weights (..., S). A row that may attend nowhere is all zeros.

        >>> masked_softmax(np.array([[0.0, 0.0, 5.0]]), np.array([[True, True, False]])).tolist()
        [[0.5, 0.5, 0.0]]
        >>> masked_softmax(np.array([[1.0, 2.0]]), np.array([[False, False]])).tolist()
        [[0.0, 0.0]]
    """
    raise NotImplementedError
