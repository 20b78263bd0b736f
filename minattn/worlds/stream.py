"""One fact in each segment of a stream, and questions about facts of this and of earlier segments.

segment        0              1              2
subject     30  7 25  7    26  3 24  7     5 31 27  3      (24 and more: noise)
value        .  2  .  .     .  6  .  .     1  .  .  .
targets              2              2              6
lag                  0              1              1
"""

import numpy as np

from minattn.worlds import _check


def segments(rng, batch, *, n_segments=12, length=12, n_queries=2, n_subjects=24, n_values=8, most_lag=7):
    """A stream of n_segments segments of `length` tokens: noise, a fact in the first half, questions last.

    n_subjects  a subject has one fact in the stream at most; 8 kinds of noise follow them
    n_values    values are 0 .. n_values-1, and n_values is "no value"
    most_lag    questions are about the fact of `lag` segments ago, drawn evenly from 0 .. most_lag, as far
                as the stream has begun
    Returns inputs (B, T, 2), subject and value; targets, attend (the place of the fact), lag and asked
    (bool), each (B, T). Where asked is False, targets are 0, attend and lag -1.

    Source: ours, for arXiv 2507.00453: how far back does a memory reach?
    """
    where = "stream.segments"
    _check.generator(where, rng)
    for name, value in dict(batch=batch, n_segments=n_segments, n_values=n_values).items():
        _check.count(where, name, value)
    _check.count(where, "n_subjects", n_subjects, n_segments)
    _check.count(where, "n_queries", n_queries, 1, length - length // 2)
    _check.count(where, "most_lag", most_lag, 0)
    shape = batch, n_segments, length
    subjects = rng.integers(n_subjects, n_subjects + 8, shape)
    values, targets = np.full(shape, n_values), np.zeros(shape, dtype=np.int64)
    attend, lags = np.full(shape, -1), np.full(shape, -1)
    own = np.argsort(rng.random((batch, n_subjects)), axis=1)[:, :n_segments]
    told = rng.integers(n_values, size=own.shape)
    rows, here = np.arange(batch)[:, None], np.arange(n_segments)
    places = rng.integers(max(length // 2, 1), size=own.shape)
    subjects[rows, here, places], values[rows, here, places] = own, told
    lag = rng.integers(np.minimum(here, most_lag)[:, None] + 1, size=(batch, n_segments, n_queries))
    of, rows = here[:, None] - lag, rows[:, :, None]
    last = np.s_[:, :, length - n_queries :]
    subjects[last], targets[last], lags[last] = own[rows, of], told[rows, of], lag
    attend[last] = of * length + places[rows, of]
    flat = {name: a.reshape(batch, -1) for name, a in dict(targets=targets, attend=attend, lag=lags).items()}
    inputs = np.stack([subjects, values], axis=-1).reshape(batch, -1, 2)
    return dict(inputs=inputs, asked=flat["lag"] >= 0, **flat)
