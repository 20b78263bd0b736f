"""Small formulas that several references share."""

import numpy as np


def softmax(x, axis=-1):
    """exp(x) / sum exp(x), safe for large x."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def masked_softmax(scores, mask):
    """softmax over the keys that the mask allows; a row that allows none is 0."""
    x = np.where(mask, scores, -np.inf)
    top = x.max(axis=-1, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def mask_after(scores, mask):
    """The wrong order: softmax over all keys, then zeros where the mask forbids."""
    return softmax(scores) * mask


def padding(lengths, size):
    """(B, size) boolean, True on the first `lengths[b]` places of row b."""
    return np.arange(size) < np.asarray(lengths)[:, None]
