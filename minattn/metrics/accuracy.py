"""Shares of right answers: token by token, whole sequences, and split by length."""

import numpy as np

from minattn.errors import ArgumentError, ShapeError


def accuracy(predicted, targets, valid=None):
    """Share of places where `predicted` equals `targets`.

    predicted, targets    arrays of one shape
    valid                 boolean, broadcasts to that shape; only True places count

    >>> accuracy([3, 1, 4], [3, 1, 5], valid=[True, False, True])
    0.5

    Raises ShapeError for shapes that differ, ArgumentError if no place counts.
    """
    predicted, targets = np.asarray(predicted), np.asarray(targets)
    if predicted.shape != targets.shape:
        raise ShapeError(
            "accuracy", expected=f"predicted {targets.shape}", got=predicted.shape, hint="logits.argmax(-1)"
        )
    right = predicted == targets
    return float(right[_places("accuracy", valid, right.shape)].mean())


def exact_match(predicted, targets):
    """Share of sequences that are right from the first word to the last, length included.

    predicted, targets    lists of sequences (lists, tuples or arrays of words or ids)

    >>> exact_match([[3, 4], [5]], [[3, 4], [5, 6]])
    0.5

    Raises ArgumentError if there is nothing to compare, or not as many on both sides.
    """
    if len(predicted) != len(targets) or not len(targets):
        raise ArgumentError(
            "exact_match",
            expected="as many sequences on both sides, one or more",
            got=f"{len(predicted)} and {len(targets)}",
            hint="one target for each prediction",
        )
    return sum(list(p) == list(t) for p, t in zip(predicted, targets)) / len(targets)


def by_length(lengths, edges):
    """Group places by length, to report a metric for short and for long sentences.

    lengths    (n,) lengths
    edges      rising integers e_0 < e_1 < ...; group i has e_i <= length < e_{i+1}, the last is open

    Returns a dict from label, as in "10-12" or "13+", to the indices of the group.

    >>> {label: i.tolist() for label, i in by_length([12, 10, 15], [10, 13]).items()}
    {'10-12': [1, 0], '13+': [2]}
    """
    lengths, edges = np.asarray(lengths), np.asarray(edges)
    if edges.ndim != 1 or not edges.size or (np.diff(edges) <= 0).any():
        raise ArgumentError(
            "by_length", expected="rising edges", got=edges.tolist(), hint="edges=[5, 10, 15]"
        )
    labels = [f"{low}-{high - 1}" if high - low > 1 else f"{low}" for low, high in zip(edges, edges[1:])]
    labels.append(f"{edges[-1]}+")
    group = np.searchsorted(edges, lengths, side="right") - 1
    order = np.argsort(lengths, kind="stable")
    found = {label: order[group[order] == i] for i, label in enumerate(labels)}
    return {label: index for label, index in found.items() if len(index)}


def _places(where, valid, shape):
    """`valid` as a boolean array of `shape` with at least one True."""
    try:
        places = np.broadcast_to(True if valid is None else np.asarray(valid, dtype=bool), shape)
    except ValueError:
        raise ShapeError(
            where, expected=f"valid broadcasts to {shape}", got=np.shape(valid), hint="valid[..., None]"
        ) from None
    if not places.any():
        raise ArgumentError(where, expected="one valid place or more", got="none", hint="check valid")
    return places
