"""Facts of several types about one key, all asked for at once: so many heads, so many things to look at."""

import numpy as np

from minattn.worlds import _check
from minattn.worlds.facts import _start, _subsets


def typed_recall(rng, batch, *, n_present=6, n_types=4, n_queries=4, n_keys=12, n_values=8):
    """Shuffled facts (key, type, value), one of each type for each key present, and questions about keys.

        facts      (7, B, 3) (2, A, 5) (7, A, 0) (2, B, 5)      questions  7        ->  targets  (0, 3)

    n_present   different keys, so that there are n_present * n_types facts
    n_queries   different keys among them that are asked for; the answer is the value of each type
    Keys are 0 .. n_keys-1, types 0 .. n_types-1, values 0 .. n_values-1.
    Returns facts (B, n_present * n_types, 3), queries (B, n_queries), targets and attend, the place of the
    fact that holds the answer, (B, n_queries, n_types).
    Source: ours, for arXiv 2310.07911: a token has to look at several places at once.
    """
    where = "typed_recall"
    _start(where, rng, batch=batch, n_present=n_present, n_types=n_types, n_values=n_values)
    _check.count(where, "n_keys", n_keys, n_present)
    _check.count(where, "n_queries", n_queries, 1, n_present)
    n = n_present * n_types
    present = _subsets(rng, batch, n_keys, n_present)
    keys, types = np.repeat(present, n_types, axis=1), np.broadcast_to(np.arange(n) % n_types, (batch, n))
    values, order = rng.integers(n_values, size=(batch, n)), _subsets(rng, batch, n, n)
    facts = np.take_along_axis(np.stack([keys, types, values], axis=-1), order[:, :, None], axis=1)
    places = np.argsort(order, axis=1).reshape(batch, n_present, n_types)[:, :n_queries]
    targets = values.reshape(batch, n_present, n_types)[:, :n_queries]
    return dict(facts=facts, queries=present[:, :n_queries], targets=targets, attend=places)
