"""Sampling: draw the next word, from all words or from the likely ones."""

import numpy as np

from minattn.decoding import _step
from minattn.errors import ArgumentError, DTypeError


def sample(step, start, *, end=None, max_len, rng, temperature=1.0, top_k=None, top_p=None):
    """Draw the next token from the distribution of the model, restricted by `restrict`.

    step       step(prefix (N, t)) -> log-probabilities (N, V); see minattn.decoding
    start      (N,) or (N, t) integers, what each row begins with
    end        the token that finishes a row; None: no token does
    max_len    most tokens to add; `end` counts as one
    rng        numpy Generator; every step uses one number a row, so rows do not disturb each other

    Returns a list of N lists of ids, without start and end.
    """
    if not isinstance(rng, np.random.Generator):
        raise DTypeError(
            "sample", expected="rng: a numpy.random.Generator", got=type(rng), hint="np.random.default_rng(0)"
        )

    def draw(log_probs):
        p = restrict(log_probs, temperature=temperature, top_k=top_k, top_p=top_p)
        heap = np.cumsum(p, axis=-1)
        return (heap <= rng.random((len(p), 1)) * heap[:, -1:]).sum(-1)

    return _step.grow("sample", step, start, draw, end=end, max_len=max_len)


def restrict(log_probs, *, temperature=1.0, top_k=None, top_p=None):
    """The distribution that `sample` draws from: sharpened, then cut to the likely tokens.

        p_i ~ exp(log_probs_i / temperature)

    log_probs      (N, V)
    temperature    > 0; below 1 is sharper; 0 puts everything on the most probable token
    top_k          keep the k most probable tokens
    top_p          keep the smallest set of tokens whose probabilities, after top_k, sum to >= top_p in (0, 1]

    Returns probabilities (N, V); rows sum to 1, tokens outside the set have exactly 0.

    >>> restrict(np.log([[0.5, 0.25, 0.25]]), top_k=2).round(3).tolist()
    [[0.667, 0.333, 0.0]]

    Source: arXiv 1805.04833 (top-k), 1904.09751 (top-p, nucleus). Raises ArgumentError for a setting out of
    range and for a row in which every token is impossible.
    """
    _check(temperature, top_k, top_p)
    log_probs = np.asarray(log_probs, dtype=np.float64)
    top = log_probs.max(-1, keepdims=True)
    if not np.isfinite(top).all():
        raise ArgumentError(
            "restrict", expected="a possible token in each row", got=top.min(), hint="mask fewer tokens"
        )
    order = np.argsort(-log_probs, axis=-1, kind="stable")
    if temperature == 0:
        top_k, temperature = 1, 1.0
    with np.errstate(over="ignore"):  # a very low temperature sends the others to -inf, as it should
        p = np.exp((log_probs - top) / temperature)
    p = np.take_along_axis(p, order, axis=-1)
    if top_k is not None:
        p[:, top_k:] = 0
    p /= p.sum(-1, keepdims=True)
    if top_p is not None and top_p < 1:
        before = np.cumsum(p, axis=-1) - p
        p[before >= top_p] = 0
        p /= p.sum(-1, keepdims=True)
    kept = np.empty_like(p)
    np.put_along_axis(kept, order, p, axis=-1)
    return kept


def _check(temperature, top_k, top_p):
    if not (np.isfinite(temperature) and temperature >= 0):
        raise ArgumentError("restrict", expected="temperature >= 0", got=temperature, hint="temperature=1.0")
    if top_k is not None:
        _step.count("restrict", "top_k", top_k)
    if top_p is not None and not 0 < top_p <= 1:
        raise ArgumentError("restrict", expected="0 < top_p <= 1", got=top_p, hint="top_p=0.9")
