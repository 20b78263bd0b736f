"""Real handwritten digits, 8 x 8 pixels, that come with scikit-learn: nothing is downloaded.

train, test = split(seed=0)
train   rows (1200, 8, 8) floats, a digit as 8 tokens of 8 pixels; labels (1200,) integers
"""

import importlib

import numpy as np

from minattn.errors import BackendMissing
from minattn.worlds import _check


def load():
    """images (1797, 8, 8) with ink from 0 to 16, and the digit of each, labels (1797,).

    Raises BackendMissing where scikit-learn is not installed.
    Source: the test set of the UCI "Optical Recognition of Handwritten Digits".
    """
    try:
        found = importlib.import_module("sklearn.datasets").load_digits()
    except ImportError as cause:
        raise BackendMissing(
            "digits.load", expected="scikit-learn", got=cause, hint='pip install -e ".[lab]"'
        ) from cause
    return found.images, found.target


def split(seed, n_train=1200):
    """(train, test), dicts of rows (B, 8, 8) and labels (B,), in an order that the seed shuffles.

    n_train   so many to train on; the rest are for the test
    Pixels are ink / 16 - 0.3: about 0 on average.
    """
    images, labels = load()
    n_train = _check.count("digits.split", "n_train", n_train, 1, len(labels) - 1)
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = order[:n_train], order[n_train:]
    return tuple(dict(rows=images[part] / 16 - 0.3, labels=labels[part]) for part in parts)
