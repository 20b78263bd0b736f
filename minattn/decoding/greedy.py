"""Greedy decoding: the most probable word, again and again."""

from minattn.decoding import _step


def greedy(step, start, *, end, max_len):
    """Take the most probable next token each time, until each row has said `end`.

    step       step(prefix (N, t)) -> log-probabilities (N, V); see minattn.decoding
    start      (N,) or (N, t) integers, what each row begins with
    end        the token that finishes a row; None: no token does
    max_len    most tokens to add; `end` counts as one

    Returns a list of N lists of ids, without start and end. Of equal probabilities the lowest id wins.

    >>> import numpy as np
    >>> count_up = lambda prefix: np.log(np.eye(7)[(prefix[:, -1] + 1) % 7] + 0.01)
    >>> greedy(count_up, [3, 1], end=6, max_len=4)
    [[4, 5], [2, 3, 4, 5]]

    Raises ShapeError, DTypeError or ArgumentError if start or the answers of `step` do not fit.
    """
    return _step.grow("greedy", step, start, lambda log_probs: log_probs.argmax(-1), end=end, max_len=max_len)
