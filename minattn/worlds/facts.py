"""Facts in a stream of tokens, then questions about them: how much can a model carry, and for how long?

A token has two channels, embedded by two tables and added: a key (or a filler) and a value. A fact has
both; a question has the key alone. So one layer of attention is enough to answer, and a task measures what
a layer can recall, not how many layers it takes to tie a key to the value beside it.

    key     5  17   2  18  17   2   5         value    3   .   7   .   .   .   .         (17 and 18: fillers)
    targets                     7   3

Every task returns inputs (B, L, 2), targets (B, L), attend (B, L), the place that holds the answer, and
asked (B, L) boolean: where it is False, targets are 0 and attend is -1.
"""

import numpy as np

from minattn.worlds import _check


def mqar(rng, batch, *, n_facts=16, n_queries=None, n_keys=64, n_values=16, n_fillers=8, length=64):
    """Multi-query associative recall: facts at random places among fillers, then questions.

    n_facts    facts with distinct keys
    n_queries  questions about distinct facts in random order, the last tokens; default: about all facts
    length     tokens, questions included
    Keys are 0 .. n_keys-1, fillers follow; values are 0 .. n_values-1, and n_values is "no value".
    Source: arXiv 2312.04927, MQAR. Ours: key and value share a token.
    """
    where = "facts.mqar"
    n_queries = n_facts if n_queries is None else n_queries
    _start(where, rng, batch=batch, n_facts=n_facts, n_values=n_values, n_fillers=n_fillers)
    _check.count(where, "n_keys", n_keys, n_facts)
    _check.count(where, "n_queries", n_queries, 1, n_facts)
    _check.count(where, "length", length, n_facts + n_queries)
    before = length - n_queries
    keys = rng.integers(n_keys, n_keys + n_fillers, (batch, length))
    values = np.full((batch, length), n_values)
    places = np.sort(_subsets(rng, batch, before, n_facts), axis=1)
    np.put_along_axis(keys, places, _subsets(rng, batch, n_keys, n_facts), axis=1)
    np.put_along_axis(values, places, rng.integers(n_values, size=places.shape), axis=1)
    attend = np.take_along_axis(places, _subsets(rng, batch, n_facts, n_queries), axis=1)
    return _with_questions(keys, values, attend)


def passkey(rng, batch, *, n_facts=6, n_keys=16, n_values=8, n_fillers=8, length=64):
    """A few facts in a long noise and one question at its end. Sizes as in `mqar`.

    Source: arXiv 2305.16300, section 4.2 (passkey retrieval). Ours: several facts, one token each.
    """
    sizes = dict(n_keys=n_keys, n_values=n_values, n_fillers=n_fillers)
    return mqar(rng, batch, n_facts=n_facts, n_queries=1, length=length, **sizes)


def overwrite(rng, batch, *, n_writes=24, n_queries=6, n_keys=12, n_values=8):
    """Facts whose keys come again with other values; questions ask for the value that was written last.

    n_writes   facts, their keys drawn independently
    n_queries  questions, each about one of the written keys, drawn independently
    Source: ours, for arXiv 2501.00663: a memory must forget the old value.
    """
    where = "facts.overwrite"
    _start(where, rng, batch=batch, n_writes=n_writes, n_queries=n_queries, n_keys=n_keys, n_values=n_values)
    keys = rng.integers(n_keys, size=(batch, n_writes + n_queries))
    values = rng.integers(n_values, size=keys.shape)
    some = rng.integers(n_writes, size=(batch, n_queries))
    asked = np.take_along_axis(keys, some, axis=1)
    same = keys[:, None, :n_writes] == asked[:, :, None]
    attend = n_writes - 1 - np.argmax(same[:, :, ::-1], axis=2)
    values[:, n_writes:] = n_values
    return _with_questions(keys, values, attend)


def _start(where, rng, **counts):
    _check.generator(where, rng)
    for name, value in counts.items():
        _check.count(where, name, value)


def _subsets(rng, batch, n, k):
    """(B, k) distinct numbers below n in random order, independent from row to row."""
    return np.argsort(rng.random((batch, n)), axis=1)[:, :k]


def _with_questions(keys, values, attend):
    """The last tokens ask for the facts at `attend` (B, n_queries)."""
    before = keys.shape[1] - attend.shape[1]
    keys[:, before:] = np.take_along_axis(keys, attend, axis=1)
    asked = np.zeros(keys.shape, dtype=bool)
    asked[:, before:] = True
    targets, places = np.zeros_like(keys), np.full_like(keys, -1)
    targets[:, before:], places[:, before:] = np.take_along_axis(values, attend, axis=1), attend
    return dict(inputs=np.stack([keys, values], axis=-1), targets=targets, attend=places, asked=asked)
