"""How surprised a model is by the text that comes: perplexity and bits per character."""

import numpy as np

from minattn.errors import ArgumentError
from minattn.metrics.accuracy import _places


def perplexity(log_probs, valid=None):
    """exp of the mean negative log-probability: among how many equal choices the model seems to guess.

    log_probs    natural log of the probability of each target, any shape
    valid        boolean, broadcasts to that shape; only True places count

    >>> perplexity(np.log([0.5, 0.125]))
    4.0

    Raises ArgumentError for a log-probability above 0.
    """
    with np.errstate(over="ignore"):  # a model that excluded what came has perplexity inf
        return float(np.exp(-_mean("perplexity", log_probs, valid)))


def bits_per_character(log_probs, valid=None):
    """Mean of -log2 of the probabilities; arguments as in `perplexity`.

    >>> bits_per_character(np.log([0.5, 0.125]))
    2.0
    """
    return float(-_mean("bits_per_character", log_probs, valid) / np.log(2))


def _mean(where, log_probs, valid):
    log_probs = np.asarray(log_probs, dtype=np.float64)
    chosen = log_probs[_places(where, valid, log_probs.shape)]
    if not (chosen <= 1e-6).all():  # rounding may lift a certain outcome a little above 0
        raise ArgumentError(
            where, expected="log-probabilities <= 0", got=chosen.max(), hint="minus the loss, or np.log(p)"
        )
    return chosen.mean()
