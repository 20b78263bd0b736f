"""What all decoders do alike: read the start, ask the step, cut the answers."""

import operator

import numpy as np

from minattn.errors import ArgumentError, DTypeError, ShapeError


def rows(where, start):
    """`start` as (N, t) integers."""
    start = np.asarray(start)
    if start.dtype.kind not in "iu":
        raise DTypeError(where, expected="start: integers", got=start.dtype, hint="np.full((n, 1), bos)")
    if start.ndim not in (1, 2) or start.size == 0:
        raise ShapeError(
            where, expected="start (N,) or (N, t), not empty", got=start.shape, hint="np.full((n, 1), bos)"
        )
    return start.reshape(len(start), -1).astype(np.int64)


def count(where, name, value, least=1):
    """`value` as an int >= least."""
    try:
        number = operator.index(value)
    except TypeError:
        raise DTypeError(where, expected=f"{name}: an integer", got=repr(value), hint=f"{name}=20") from None
    if number < least:
        raise ArgumentError(where, expected=f"{name} >= {least}", got=number, hint=f"{name}=20")
    return number


def ask(where, step, prefix, end):
    """step(prefix), checked to be (N, V) numbers without nan, with a column for `end`."""
    log_probs = np.asarray(step(prefix))
    if log_probs.dtype.kind != "f":
        raise DTypeError(
            where, expected="step returns a float NumPy array", got=log_probs.dtype, hint="tensor.numpy()"
        )
    if log_probs.ndim != 2 or len(log_probs) != len(prefix) or not log_probs.shape[1]:
        raise ShapeError(
            where,
            expected=f"step returns ({len(prefix)}, V), one row for each row of its prefix {prefix.shape}",
            got=log_probs.shape,
            hint="log_probs[:, -1] for the last place only",
        )
    if end is not None and not 0 <= end < log_probs.shape[1]:
        raise ArgumentError(
            where, expected=f"0 <= end < V = {log_probs.shape[1]}", got=end, hint="vocabulary.eos"
        )
    if np.isnan(log_probs).any():
        raise ArgumentError(
            where, expected="log-probabilities", got="nan", hint="check the loss of the model"
        )
    return log_probs


def grow(where, step, start, choose, *, end, max_len):
    """Add choose(log_probs) (N,) to each row until every row has said `end`."""
    tokens = rows(where, start)
    first = tokens.shape[1]
    finished = np.zeros(len(tokens), dtype=bool)
    for _ in range(count(where, "max_len", max_len)):
        new = choose(ask(where, step, tokens, end))
        if end is not None:
            new = np.where(finished, end, new)
            finished |= new == end
        tokens = np.concatenate([tokens, new[:, None]], axis=1)
        if finished.all():
            break
    return [cut(row[first:], end) for row in tokens]


def cut(row, end):
    """The ids before the first `end` as a list."""
    ids = row.tolist()
    return ids[: ids.index(end)] if end in ids else ids
