"""Wishes for beam search: what to add to the log-probabilities of a model."""

import numpy as np

from minattn.decoding import _step


def block_ngrams(n):
    """A callback for `beam(features=...)` that forbids to say any run of n tokens twice.

    n    length of the run, >= 1; 3 is usual in summarisation

    Returns features(prefix (R, t), log_probs (R, V)) -> (R, V), -inf for each token that would repeat a run.

    >>> block_ngrams(2)(np.array([[3, 4, 3]]), np.zeros((1, 5)))
    array([[  0.,   0.,   0.,   0., -inf]])

    Source: arXiv 1705.04304 section 2.5 (n = 3).
    """
    n = _step.count("block_ngrams", "n", n)

    def features(prefix, log_probs):
        wish = np.zeros_like(log_probs)
        for row, tokens in enumerate(prefix):
            last = tokens[len(tokens) - n + 1 :]
            for i in range(len(tokens) - n + 1):
                if np.array_equal(tokens[i : i + n - 1], last):
                    wish[row, tokens[i + n - 1]] = -np.inf
        return wish

    return features
