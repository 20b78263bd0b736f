import numpy as np


def matmul_backward(grad, a, b):
    """The gradients of both factors of  a @ b.

    With C = a b and the loss L:   dL/da = dL/dC b^T,   dL/db = a^T dL/dC.

    grad    (..., n, m) gradient with respect to the product
    a       (..., n, k)
    b       (..., k, m), with the batch axes of a, or without some in front: then one b serves them all
    Returns (da, db), each with the shape of its array.

        >>> da, db = matmul_backward(np.array([[1.0]]), np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
        >>> da.tolist(), db.tolist()
        ([[3.0, 4.0]], [[1.0], [2.0]])
    """
    raise NotImplementedError
