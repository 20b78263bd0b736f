"""Along how many directions a matrix really acts."""

import numpy as np

from minattn.errors import ShapeError


def effective_rank(matrix):
    """exp of the entropy of the singular values, as shares of their sum: between 1 and the rank.

    matrix   (m, n); all zeros have effective rank 0
    Raises ShapeError for another number of axes. Source: Roy and Vetterli (2007), definition 1.

    >>> effective_rank(np.diag([2.0, 2.0, 0.0]))
    2.0
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2:
        raise ShapeError(
            "effective_rank", expected="a matrix (m, n)", got=matrix.shape, hint="one head at a time"
        )
    values = np.linalg.svd(matrix, compute_uv=False)
    if not values.any():
        return 0.0
    shares = values[values > 0] / values.sum()
    return round(float(np.exp(-(shares * np.log(shares)).sum())), 12)
