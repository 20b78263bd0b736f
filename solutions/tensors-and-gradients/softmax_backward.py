import numpy as np


def softmax_backward(grad, weights):
    """Send a gradient back through softmax along the last axis.

    The Jacobian of one row is  dw_j / dx_i = w_j ([i = j] - w_i).  The gradient for x_i sums over all j:

        dx_i = sum_j grad_j dw_j / dx_i

    grad       (..., n) gradient of the loss with respect to the weights
    weights    (..., n) the output of softmax, rows summing to one
    Returns dx (..., n), the gradient with respect to the scores. Do not build the n x n Jacobian.

        >>> softmax_backward(np.array([4.0, 0.0]), np.array([0.25, 0.75])).tolist()
        [0.75, -0.75]
    """
    mean = np.sum(grad * weights, axis=-1, keepdims=True)  # the gradient averaged with the weights
    return weights * (grad - mean)
