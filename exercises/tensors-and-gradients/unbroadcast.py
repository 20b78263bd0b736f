import numpy as np


def unbroadcast(grad, shape):
    """Bring a gradient back to the shape that an array had before NumPy broadcast it.

    Broadcasting adds axes in front and stretches axes of size 1, that is, it uses one number several times.
    The gradient of a number that was used several times is the sum of the gradients of its copies.

    grad     array of the broadcast shape
    shape    tuple, the shape of the array before; it broadcasts to grad.shape
    Returns an array of that shape.

        >>> unbroadcast(np.array([[1.0, 2.0], [3.0, 4.0]]), (2,)).tolist()
        [4.0, 6.0]
        >>> unbroadcast(np.array([[1.0, 2.0], [3.0, 4.0]]), (2, 1)).tolist()
        [[3.0], [7.0]]
    """
    raise NotImplementedError
