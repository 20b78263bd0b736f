import numpy as np


def alignment_error_rate(links, sure, possible):
    """How wrong a word alignment is, from 0 (perfect) to 1.

    A are the links that were found, S the links that must be there, P those that may be there. Every sure
    link is possible too, whether `possible` says so or not.

        AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

    links, sure, possible    boolean arrays of one shape, (T, S) for a sentence or (N, T, S) for N sentences;
                             links are counted over all sentences before dividing, and there is at least one
    Returns one number.

        >>> links, sure = np.array([[True, True, False]]), np.array([[True, False, True]])
        >>> float(alignment_error_rate(links, sure, np.array([[False, True, False]])))
        0.25
    """
    raise NotImplementedError
