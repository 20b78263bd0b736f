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
    scores = np.where(mask, scores, -np.inf)  # exp(-inf) is exactly 0
    top = scores.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # an empty row has no largest score
    e = np.exp(scores - top)
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1.0)
