"""Small worlds whose truth is known exactly: what the answer is, and where a model should look for it.

language    vocabulary, padding, batches of sentences of similar length
parallel    toy languages to translate, with gold word alignments
passages    facts in a long text, cut into blocks with a landmark behind each
polarity    words that weigh a little for or against
recall      look up, remember, reverse, sort, copy: the answer stands at a known place
counting    the answer is found by counting what the tokens hold
facts       facts with a key and a value in a stream, and questions about them
pairs       the same where a value is the token behind its key
documents   the same keys in several documents: whose value is asked for?
induction   what came next the last time?
sentiment   an opinion that a negation turns round, and the class of each word
sphere      points and a query: which of them is nearest?
matching    the answer is found by comparing: numbers, pairs of letters, vectors
near_and_far   one question: about a key somewhere, or about what stood just before
stream      a fact in each segment, questions about this and earlier ones
typed_recall   facts of several types about a key, all asked for at once
digits      real handwritten digits, with scikit-learn
topics      documents that share keys and differ in their topic, which is a vector
real        real text: the Python language reference, source files

NumPy only. A `seed` fixes a whole corpus; a task that is drawn afresh
for every batch takes a Generator `rng`.
"""

from minattn.worlds import (
    counting,
    digits,
    documents,
    facts,
    induction,
    language,
    matching,
    near_and_far,
    pairs,
    parallel,
    passages,
    polarity,
    real,
    recall,
    sentiment,
    sphere,
    stream,
    topics,
    typed_recall,
)

__all__ = [
    "counting",
    "digits",
    "documents",
    "facts",
    "induction",
    "language",
    "matching",
    "near_and_far",
    "pairs",
    "parallel",
    "passages",
    "polarity",
    "real",
    "recall",
    "sentiment",
    "sphere",
    "stream",
    "topics",
    "typed_recall",
]
