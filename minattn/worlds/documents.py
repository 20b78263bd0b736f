"""The same keys in several documents, with other values in each: the name of the document must match too.

document  9  9  9  2  2  2  |  2  9        (| the questions begin)
key       4  0  3  0  4  1  |  4  4
value     7  1  1  5  2  6  |  .  .
targets                        2  7
"""

import numpy as np

from minattn.worlds import _check


def multi_document(rng, batch, *, n_documents=4, n_facts=4, n_queries=8, n_keys=8, n_values=8, n_names=64):
    """Facts of one document after the other, then questions, each about one document and one of its keys.

    n_documents  documents, their names drawn without repetition from 0 .. n_names-1
    n_facts      facts in a document, with distinct keys; values are drawn independently
    n_queries    questions, drawn independently
    Returns inputs (B, L, 3), document, key and value with L = n_documents * n_facts + n_queries (the value
    n_values is "no value"); targets, attend (the place of the fact) and asked (bool), each (B, L). Where
    asked is False, targets are 0 and attend is -1.

    Source: ours, for arXiv 2307.03170: more documents distract more.
    """
    where = "documents.multi_document"
    _check.generator(where, rng)
    for name, value in dict(batch=batch, n_facts=n_facts, n_queries=n_queries, n_values=n_values).items():
        _check.count(where, name, value)
    _check.count(where, "n_documents", n_documents, 1, n_names)
    _check.count(where, "n_keys", n_keys, n_facts)
    facts, length = n_documents * n_facts, n_documents * n_facts + n_queries
    names = np.argsort(rng.random((batch, n_names)), axis=1)[:, :n_documents]
    keys = np.argsort(rng.random((batch, n_documents, n_keys)), axis=2)[:, :, :n_facts]
    tokens = np.zeros((batch, length, 3), dtype=np.int64)
    tokens[:, :facts, 0] = np.repeat(names, n_facts, axis=1)
    tokens[:, :facts, 1] = keys.reshape(batch, facts)
    tokens[:, :facts, 2] = rng.integers(n_values, size=(batch, facts))
    places = rng.integers(facts, size=(batch, n_queries))
    fact = np.take_along_axis(tokens[:, :facts], places[:, :, None], axis=1)
    tokens[:, facts:, :2], tokens[:, facts:, 2] = fact[:, :, :2], n_values
    asked = np.broadcast_to(np.arange(length) >= facts, (batch, length)).copy()
    targets, attend = np.zeros((batch, length), dtype=np.int64), np.full((batch, length), -1)
    targets[:, facts:], attend[:, facts:] = fact[:, :, 2], places
    return dict(inputs=tokens, targets=targets, attend=attend, asked=asked)
