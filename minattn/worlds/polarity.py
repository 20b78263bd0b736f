"""Bags of words that weigh a little for or against; half of the words weigh nothing.

    words      12   3  71   8   3  55
    polarity    0  .9 -.4   0  .9 -.2     sum 1.2: label 1

No word decides alone and order says nothing: the best reader takes the mean over all words. With few
sentences a reader that picks words out learns the training set by heart.
"""

import numpy as np

from minattn.worlds import _check


def polarities(rng, *, n_words=80):
    """(n_words,) numbers: half of them 0, the others from a normal distribution; which ones is drawn."""
    _check.generator("polarity.polarities", rng)
    n_words = _check.count("polarity.polarities", "n_words", n_words, 2)
    found = rng.normal(size=n_words)
    found[rng.permutation(n_words)[: n_words // 2]] = 0
    return found


def sentences(rng, batch, polarity, *, length=16):
    """Words drawn alike, and whether their polarities sum to more than 0.

    polarity   (n_words,) as `polarities` gives them
    Returns inputs (B, length), targets (B,) in {0, 1}, totals (B,): the sums, none of them 0.
    Source: ours, for arXiv 2209.09735.
    """
    _check.generator("polarity.sentences", rng)
    _check.count("polarity.sentences", "batch", batch)
    _check.count("polarity.sentences", "length", length)
    inputs = rng.integers(len(polarity), size=(batch, length))
    while (tied := polarity[inputs].sum(1) == 0).any():
        inputs[tied] = rng.integers(len(polarity), size=(tied.sum(), length))
    totals = polarity[inputs].sum(1)
    return dict(inputs=inputs, targets=(totals > 0).astype(np.int64), totals=totals)
