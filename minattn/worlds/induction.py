"""What came next the last time? The task behind induction heads, which takes two layers of attention.

inputs   3  7  1  4  3  7  9  4
targets              7  1     3       asked where the token has come before
"""

import numpy as np

from minattn.worlds import _check


def induction(rng, batch, *, length=32, n_symbols=16):
    """Random symbols; at each that has come before: the symbol that followed it the last time.

        inputs  [3 7 1 3 7]     targets  [. . . 7 1]     attend  [-1 -1 -1 1 2]

    Returns inputs, targets, attend, the place that holds the answer, and asked (bool), each (B, length).
    Where asked is False, targets are 0 and attend is -1.

    Source: arXiv 2209.11895, induction heads; the task is ours.
    """
    where = "induction.induction"
    _check.generator(where, rng)
    for name, value in dict(batch=batch, length=length, n_symbols=n_symbols).items():
        _check.count(where, name, value)
    inputs = rng.integers(n_symbols, size=(batch, length))
    attend, row = np.full(inputs.shape, -1), np.arange(batch)
    after = np.full((batch, n_symbols), -1)  # the place after the last occurrence of each symbol
    for t in range(length):
        attend[:, t] = after[row, inputs[:, t]]
        after[row, inputs[:, t]] = t + 1
    asked = attend >= 0
    targets = np.where(asked, np.take_along_axis(inputs, np.maximum(attend, 0), axis=1), 0)
    return dict(inputs=inputs, targets=targets, attend=attend, asked=asked)
