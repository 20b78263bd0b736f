"""Sentences with one opinion, which a negation right before it turns round; and the word class of each word.

    <bos> the dog never follows a not     lovely walk with every  old walk        opinion negative
          det noun neg  verb    det neg   adj    noun prep det    adj noun

To know the opinion a model must find the adjective that holds it and see whether the word before it is a
negation: other negations ("never follows", "not old") change nothing. Some words ("walk") are nouns or verbs,
so that a tagger needs the neighbours too.

    S = NP [neg] verb NP [prep NP]        NP = det [[neg] adj] noun
"""

import numpy as np

from minattn.worlds import _check
from minattn.worlds.language import Vocabulary
from minattn.worlds.words import CLASSES

_TABLE = """
positive   good kind lovely brave honest fine gentle bright funny warm sweet wise fresh noble merry charming
positive   lucky pretty calm loyal graceful polite splendid pleasant
negative   bad cruel ugly mean false poor rude dull boring bitter sour foolish stale wicked gloomy nasty
negative   cursed awful angry selfish clumsy harsh dreadful horrid
neutral    old small red quiet tall green round heavy striped wooden
negation   not never hardly
ambiguous  walk talk visit paint plant dream answer praise promise dance drink guard
"""
_OWN = {}
for _line in _TABLE.strip().splitlines():
    _name, *_members = _line.split()
    _OWN.setdefault(_name, []).extend(_members)
POSITIVE, NEGATIVE, NEUTRAL, NEGATIONS, AMBIGUOUS = _OWN.values()
NOUNS, VERBS, DETS, PREPS = (
    CLASSES[name][:n] for name, n in (("noun", 16), ("verb", 12), ("det", 4), ("prep", 5))
)

TAGS = ("det", "adj", "noun", "verb", "prep", "neg")
VOCABULARY = Vocabulary(
    [*DETS, *PREPS, *NEGATIONS, *NEUTRAL, *NOUNS, *VERBS, *AMBIGUOUS, *POSITIVE, *NEGATIVE]
)
LONGEST = 16  # the begin mark and 15 words


def sentences(
    rng, batch, *, n_opinions=24, n_words=16, p_negated=0.5, p_decoy=0.3, p_ambiguous=0.4, p_wrong=0.0
):
    """Random sentences, padded to LONGEST.

    n_opinions    adjectives of each polarity that occur, at most 24
    n_words       words of each other class that occur, where it has so many
    p_negated     chance of a negation before the adjective that holds the opinion
    p_decoy       chance of a negation before the verb, and before each other adjective
    p_ambiguous   chance that a noun or a verb is a word that can be both
    p_wrong       share of labels that are turned round: noise

    Returns inputs (B, LONGEST) with the begin mark first, where a classifier may read, and padding last;
    valid (B, LONGEST); tags (B, LONGEST), places in TAGS, -1 where there is no word; labels (B,), 1 positive
    and 0 negative; truth (B,), the labels without noise; adjective and negation (B,), the places that hold
    the opinion and turn it round (-1: none).
    Source: ours, for arXiv 1905.10650.
    """
    where = "sentiment.sentences"
    _check.generator(where, rng)
    _check.count(where, "batch", batch)
    _check.count(where, "n_opinions", n_opinions, 1, len(POSITIVE))
    _check.count(where, "n_words", n_words)
    chances = dict(p_negated=p_negated, p_decoy=p_decoy, p_ambiguous=p_ambiguous, p_wrong=p_wrong)
    for name, value in chances.items():
        _check.probability(where, name, value)
    sizes = n_opinions, n_words
    drawn = [_sentence(rng, *sizes, p_negated, p_decoy, p_ambiguous) for _ in range(batch)]
    inputs = np.full((batch, LONGEST), Vocabulary.pad)
    tags = np.full((batch, LONGEST), -1)
    inputs[:, 0] = Vocabulary.bos
    for row, (words, *_) in enumerate(drawn):
        inputs[row, 1 : len(words) + 1] = VOCABULARY.encode([word for word, _ in words])
        tags[row, 1 : len(words) + 1] = [TAGS.index(tag) for _, tag in words]
    truth, adjective, negated = (np.array(column) for column in list(zip(*drawn))[1:])
    return dict(
        inputs=inputs,
        valid=inputs != Vocabulary.pad,
        tags=tags,
        labels=truth ^ (rng.random(batch) < p_wrong),
        truth=truth,
        adjective=adjective,
        negation=np.where(negated, adjective - 1, -1),
    )


def corpus(seed, n_train, n_validation=0, n_test=0, *, p_wrong=0.0, **chances):
    """Three sets of distinct sentences, as dicts of `sentences`: train, validation and test.

    No sentence stands in two sets, or twice in one. p_wrong spoils labels of the training set alone;
    `chances` as in `sentences`.
    """
    counts = dict(n_train=n_train, n_validation=n_validation, n_test=n_test)
    for name, value in counts.items():
        _check.count("sentiment.corpus", name, value, int(name == "n_train"))
    rng, total = np.random.default_rng(seed), sum(counts.values())
    drawn = sentences(rng, total + total // 8 + 64, **chances)  # hardly any sentence comes twice
    _, first = np.unique(drawn["inputs"], axis=0, return_index=True)
    first = np.sort(first)[:total]
    _check.count("sentiment.corpus", "number of distinct sentences", len(first), total)
    parts = np.split(first, np.cumsum([n_train, n_validation]))
    sets = [{name: values[rows] for name, values in drawn.items()} for rows in parts]
    sets[0]["labels"] = sets[0]["truth"] ^ (
        rng.random(n_train) < _check.probability("sentiment.corpus", "p_wrong", p_wrong)
    )
    return sets


def _sentence(rng, n_opinions, n_words, p_negated, p_decoy, p_ambiguous):
    """[(word, tag)], whether it is positive, the place of its opinion, whether that is negated."""
    phrases = int(rng.integers(2, 4))
    holder = rng.integers(phrases)
    positive, negated = bool(rng.random() < 0.5), bool(rng.random() < p_negated)
    words, place = [], 0

    def add(tag, members, n=n_words):
        members = members[:n]
        words.append((members[rng.integers(len(members))], tag))

    def negate(chance):
        if rng.random() < chance:
            add("neg", NEGATIONS)

    for phrase in range(phrases):
        add("det", DETS)
        if phrase == holder:
            negate(float(negated))
            add("adj", POSITIVE if positive else NEGATIVE, n_opinions)
            place = len(words)
        elif rng.random() < 0.5:
            negate(p_decoy)
            add("adj", NEUTRAL)
        add("noun", AMBIGUOUS if rng.random() < p_ambiguous else NOUNS)
        if phrase == 0:
            negate(p_decoy)
            add("verb", AMBIGUOUS if rng.random() < p_ambiguous else VERBS)
        elif phrase == 1 and phrases == 3:
            add("prep", PREPS)
    return words, int(positive ^ negated), place, negated
