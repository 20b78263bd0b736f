"""Alignment error rate: does the attention map look at the words that a translator would?"""

import numpy as np

from minattn.errors import ArgumentError, DTypeError, ShapeError


def aer(links, sure, possible=None):
    """Share of wrong and missing links over a corpus, 0 (perfect) to 1 (nothing right).

        AER = 1 - ( |A & S| + |A & P| ) / ( |A| + |S| )                    (Och and Ney 2003, eq. 24)

    links       A: one set of (target index, source index) for each sentence
    sure        S: the gold links, same form
    possible    P: further links that are not wrong; the sure ones are always among them

    Returns a float; 0 where neither side has a link.

    >>> aer([{(0, 0), (1, 2)}], [{(0, 0), (1, 1)}])
    0.5

    Raises ArgumentError if the lists have different lengths.
    """
    possible = sure if possible is None else possible
    sizes = len(links), len(sure), len(possible)
    if len(set(sizes)) > 1 or not sizes[0]:
        raise ArgumentError(
            "aer",
            expected="as many sets in each list, one or more",
            got=sizes,
            hint="one set for each sentence",
        )
    right = there_are = 0
    for a, s, p in zip(map(_links, links), map(_links, sure), map(_links, possible)):
        right += len(a & s) + len(a & (p | s))
        there_are += len(a) + len(s)
    return 1 - right / there_are if there_are else 0.0


def _links(links):
    """The links as a set of pairs of ints."""
    try:
        return {(int(t), int(s)) for t, s in links}
    except (TypeError, ValueError):
        raise DTypeError(
            "aer",
            expected="a set of (target index, source index) for each sentence",
            got=repr(links)[:60],
            hint="[argmax_links(weights) for weights in maps]",
        ) from None


def argmax_links(weights, *, n_target=None, n_source=None):
    """The link of each target word to the source word that gets most weight.

    weights               (T, S) attention map, rows of targets
    n_target, n_source    use only the first rows and columns, e.g. to leave out padding and end marks

    Returns a set of (target index, source index). A row that is all zero attends nowhere and gives no link.

    >>> sorted(argmax_links([[0.9, 0.1], [0.2, 0.8], [0.0, 0.0]]))
    [(0, 0), (1, 1)]

    Raises ShapeError unless weights is a matrix with at least one column.
    """
    weights = np.asarray(weights)
    if weights.ndim != 2 or weights[:, :n_source].shape[1] == 0:
        raise ShapeError(
            "argmax_links", expected="(T, S >= 1)", got=weights.shape, hint="weights[batch, head]"
        )
    weights = weights[:n_target, :n_source]
    return {(t, int(row.argmax())) for t, row in enumerate(weights) if row.any()}
