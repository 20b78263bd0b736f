import numpy as np


def softmax(x, axis=-1):
    """Turn scores into weights: positive, and summing to one along `axis`.

        softmax(x)_i = exp(x_i) / sum_j exp(x_j)

    x       array of any shape, floating point; its numbers may be as large as 1e4
    axis    the axis along which the weights sum to one
    Returns an array of x's shape. `x` itself is not changed.

        >>> softmax(np.array([0.0, 0.0])).tolist()
        [0.5, 0.5]
        >>> softmax(np.array([[0.0, 2e4], [0.0, 2e4]]), axis=0).tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    raise NotImplementedError
