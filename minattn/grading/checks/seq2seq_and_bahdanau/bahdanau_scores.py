"""Check of `bahdanau_scores`: additive scores of one decoder state (arXiv 1409.0473, section 3.1)."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import softmax


def _sums(query, keys, w_q, w_k):
    return (query @ w_q)[:, None] + keys @ w_k


def bahdanau_scores(query, keys, w_q, w_k, v):
    return np.tanh(_sums(query, keys, w_q, w_k)) @ v


def _no_tanh(query, keys, w_q, w_k, v):
    return _sums(query, keys, w_q, w_k) @ v


def _tanh_outside(query, keys, w_q, w_k, v):
    return np.tanh(_sums(query, keys, w_q, w_k) @ v)


def _product(query, keys, w_q, w_k, v):
    return np.tanh((query @ w_q)[:, None] * (keys @ w_k)) @ v


def _tanh_each(query, keys, w_q, w_k, v):
    return (np.tanh(query @ w_q)[:, None] + np.tanh(keys @ w_k)) @ v


def _query_forgotten(query, keys, w_q, w_k, v):
    return np.tanh(keys @ w_k) @ v


def _weights(query, keys, w_q, w_k, v):
    return softmax(bahdanau_scores(query, keys, w_q, w_k, v))


def _draw(rng, batch, n_keys, n_query, n_key, n, size=1.0):
    return (
        rng.normal(size=(batch, n_query)) * size,
        rng.normal(size=(batch, n_keys, n_key)) * size,
        rng.normal(size=(n_query, n)) / n_query**0.5,
        rng.normal(size=(n_key, n)) / n_key**0.5,
        rng.normal(size=n),
    )


def _cases(rng):
    yield Case("one sentence", _draw(rng, 1, 5, 3, 2, 7))
    yield Case("a batch", _draw(rng, 3, 7, 5, 11, 2))
    yield Case("query and keys of one size", _draw(rng, 2, 3, 5, 5, 5))
    yield Case("numbers around 10,000", _draw(rng, 2, 7, 3, 5, 11, 1e4))


EXERCISE = Exercise(
    reference=bahdanau_scores,
    title="Additive scores",
    position=1,
    points=5,
    difficulty=1,
    minutes=15,
    cases=_cases,
    outputs=("scores",),
    misconceptions={
        "no_tanh": (
            _no_tanh,
            "Without tanh the score is a part for the query plus a part for the key: the query then shifts "
            "all scores alike and softmax does not see it.",
        ),
        "tanh_around_the_score": (
            _tanh_outside,
            "tanh is applied before the product with v, to the hidden vector.",
        ),
        "product_instead_of_sum": (
            _product,
            "Query and key parts are added, hence the name additive attention.",
        ),
        "tanh_of_each_part": (
            _tanh_each,
            "One tanh around the sum, so that query and key can meet inside it.",
        ),
        "query_forgotten": (
            _query_forgotten,
            "The scores do not depend on the query: add query @ w_q for every key.",
        ),
        "softmax_already_applied": (_weights, "Return the scores; softmax is the next step, after the mask."),
    },
    hints=(
        "Project the query once and all keys once, add them so that the shapes line up, squash, then one "
        "number per key.",
        "e_bs = v . tanh(query_b w_q + keys_bs w_k); give the query part an axis for the keys: [:, None].",
        "All sizes 1, w_q = w_k = v = 1, query = 1, keys = [-1, 0]: scores = [tanh(0), tanh(1)] = [0, "
        "0.762].",
    ),
)
