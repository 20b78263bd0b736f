"""Documents that share their keys and differ in their topic: whose fact is it?

Every token of a document is a key and a value, seen through the document's topic: a vector that is added to
what the token looks like, a little different each time. A question is a key with the document's topic.

document       facts (key = value)            question    answer
"red"          3 = 5   0 = 1   7 = 2          red, 0      1
"green"        0 = 6   2 = 2   3 = 0          green, 0    6
"""

import numpy as np

from minattn.worlds import _check


def vectors(rng, n_topics=64, length=32):
    """The vectors of all topics, (n_topics, length), each number N(0, 0.5^2)."""
    where = "topics.vectors"
    _check.generator(where, rng)
    shape = _check.count(where, "n_topics", n_topics), _check.count(where, "length", length)
    return rng.normal(0, 0.5, size=shape)


def documents(rng, batch, topics, *, n_facts=8, n_questions=4, n_keys=16, n_values=8):
    """Documents with different topics; facts with distinct keys, and questions about some of them.

    batch    documents, at most as many as there are topics
    topics   (n_topics, length) as from `vectors`
    Returns facts (B, n_facts, 2), key and value; fact_topics (B, n_facts, length), the document's vector
    plus N(0, 0.12^2) for each token; questions (B, n_questions), keys; question_topics (B, n_questions,
    length); attend (B, n_questions), which fact; targets (B, n_questions).
    Source: ours, for arXiv 2307.03170.
    """
    where = "topics.documents"
    _check.generator(where, rng)
    _check.count(where, "batch", batch, 1, len(topics))
    _check.count(where, "n_keys", n_keys, _check.count(where, "n_facts", n_facts))
    shape = batch, _check.count(where, "n_questions", n_questions)
    own = topics[rng.permutation(len(topics))[:batch]][:, None]
    keys = rng.random((batch, n_keys)).argsort(axis=1)[:, :n_facts]
    values = rng.integers(_check.count(where, "n_values", n_values), size=(batch, n_facts))
    attend = rng.integers(n_facts, size=shape)

    def seen(n):
        return (own + rng.normal(0, 0.12, size=(batch, n, topics.shape[1]))).astype(np.float32)

    return dict(
        facts=np.stack([keys, values], axis=-1),
        fact_topics=seen(n_facts),
        questions=np.take_along_axis(keys, attend, axis=1),
        question_topics=seen(n_questions),
        attend=attend,
        targets=np.take_along_axis(values, attend, axis=1),
    )
