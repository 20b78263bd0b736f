"""Training with the contexts of other documents in the batch as distraction."""

import numpy as np

from ..errors import ArgumentError


def crossbatch(n, d, rng):
    """(n, n) boolean: row b may look at the former context of document b and of d - 1 others of the batch.

    The own one is the positive, the others are the negatives; no loss is added, and gradients flow into the
    keys of all d. The others are drawn without repetition, anew for each row.

    n   documents in the batch
    d   1 <= d <= n
    Raises ArgumentError for another d. Source: arXiv 2307.03170, section 3.2.

    >>> crossbatch(3, 1, np.random.default_rng(0)).tolist()
    [[True, False, False], [False, True, False], [False, False, True]]
    """
    if not 1 <= d <= n:
        raise ArgumentError("crossbatch(n, d)", expected=f"1 <= d <= {n}", got=d, hint="d=2")
    drawn = rng.random((n, n))
    np.fill_diagonal(drawn, -1)  # the own context comes first
    return drawn.argsort(axis=1).argsort(axis=1) < d
