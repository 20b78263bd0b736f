"""Two pairs of toy languages with word order that differs and word alignments that are known exactly.

`translation`: adjectives after the noun, verb after the object, some words become two words.

    source   the  old  child  often  sees  my  dog  near  every  tree
    target   the' child' old'  my' dog'  sees' sees''  often'  near' every' tree'

`particles`: some target words have no source word at all, and "the" has no target word.

    source   the  old  child  sees  the  dog
    target   TOP  child'  old'  NO  dog'  sees'  MASU

Target words are invented; x' stands for the translation of x.
"""

from dataclasses import dataclass

import numpy as np

from minattn.worlds import _check, words
from minattn.worlds.language import Vocabulary


@dataclass(frozen=True)
class Pair:
    """A sentence, its translation, and `links`, the set of (target index, source index) that match."""

    source: tuple
    target: tuple
    links: frozenset


@dataclass(frozen=True)
class Corpus:
    """Distinct sentence pairs for training and for test, and the two vocabularies."""

    train: tuple
    test: tuple
    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary

    def ids(self, pairs):
        """`pairs` as a list of (source ids, target ids), each ending in the end mark."""
        return [
            (
                self.source_vocabulary.encode(pair.source, eos=True),
                self.target_vocabulary.encode(pair.target, eos=True),
            )
            for pair in pairs
        ]


def translation(seed, n_train=2500, n_test=200, *, shortest=10, longest=16):
    """Sentences S -> NP [ADV] V NP (PP){0-2}, NP -> DET ADJ{0,1,2} NOUN, and their translation.

    The target says subject, object, verb, adverb, PPs, with adjectives after their noun, so the verb moves by
    at most 4 words. Each word has one translation, except that 10 % of the nouns, verbs and adjectives become
    two words, both linked. Inside a class, the word of rank r has weight 1/(r+2).

    seed                 fixes dictionary and sentences
    shortest, longest    fewest and most source words in a sentence; shortest in 5 .. 16

    Source: arXiv 1508.04025 studies real German-English; this world is ours. 100 source words.
    """
    where = "parallel.translation"
    shortest = _check.count(where, "shortest", shortest, 5, 16)
    longest = _check.count(where, "longest", longest, shortest)
    rng = np.random.default_rng(_check.count(where, "seed", seed, 0))
    draw = {name: _zipf(rng, members) for name, members in words.CLASSES.items()}
    content = [w for name in ("noun", "verb", "adj") for w in words.CLASSES[name]]
    double = set(rng.permutation(content)[: round(0.1 * len(content))].tolist())
    dictionary = _dictionary(rng, [w for members in words.CLASSES.values() for w in members], double)

    def one():
        while True:
            source, order = _clause(rng, draw)
            if shortest <= len(source) <= longest:
                return _pair(source, order, dictionary)

    return _corpus(where, one, n_train, n_test, dictionary, ())


def particles(seed, n_train=2000, n_test=200):
    """Say "the adj? noun verb adv? the adj? noun" as "TOP noun (adj NO)? noun (adj NO)? adv? verb MASU".

    TOP, NO and MASU have no source word: they may rightly attend to nothing. "the" has no target word.
    38 content words, each equally likely in its class, each with one translation; an adjective or adverb is
    there half of the time. A source has at most 8 words, a target at most 10.

    seed    fixes dictionary and sentences

    Source: the world is ours; the row of arXiv 2104.07012 uses it.
    """
    rng = np.random.default_rng(_check.count("parallel.particles", "seed", seed, 0))
    sizes = dict(noun=14, verb=8, adj=10, adv=6)
    noun, verb, adj, adv = (words.CLASSES[name][:size] for name, size in sizes.items())
    dictionary = _dictionary(rng, [*noun, *verb, *adj, *adv], ())

    def maybe(members):
        return [rng.choice(members)] if rng.random() < 0.5 else []

    def one():
        source = []

        def phrase():
            adjectives = maybe(adj)
            source.extend(["the", *adjectives, rng.choice(noun)])
            last = len(source) - 1
            return [last, last - 1, "NO"] if adjectives else [last]

        subject = phrase()
        predicate = range(len(source), len(source) + len(adverb := maybe(adv)) + 1)
        source.extend([rng.choice(verb), *adverb])
        return _pair(map(str, source), ["TOP", *subject, *phrase(), *predicate[::-1], "MASU"], dictionary)

    return _corpus("parallel.particles", one, n_train, n_test, dictionary, ("the", "TOP", "NO", "MASU"))


def _zipf(rng, members):
    """A function that draws a word; weight 1/(rank+2)."""
    heap = np.cumsum(1 / (np.arange(len(members)) + 2))
    return lambda: members[int(np.searchsorted(heap, rng.random() * heap[-1]))]


def _dictionary(rng, source, double):
    """Source word -> tuple of one or two target words, all different."""
    target = iter(words.invented(rng, len(source) + len(double)))
    return {word: tuple(next(target) for _ in range(1 + (word in double))) for word in source}


def _clause(rng, draw):
    """One source sentence and the order in which its places are said in the target."""
    source = []

    def phrase():
        first, n_adj = len(source), int(np.searchsorted((0.35, 0.85), rng.random()))
        source.extend([draw["det"](), *(draw["adj"]() for _ in range(n_adj)), draw["noun"]()])
        noun = len(source) - 1
        return [first, noun, *range(first + 1, noun)]

    def word(kind):
        source.append(draw[kind]())
        return [len(source) - 1]

    subject = phrase()
    adverb = word("adv") if rng.random() < 0.5 else []
    verb = word("verb")
    order = [*subject, *phrase(), *verb, *adverb]
    for _ in range(rng.integers(3)):
        order += [*word("prep"), *phrase()]
    return source, order


def _pair(source, order, dictionary):
    """Say the source in `order`: a place is translated, a string is a target word without a source."""
    source, target, links = tuple(source), [], set()
    for item in order:
        new = (item,) if isinstance(item, str) else dictionary[source[item]]
        if not isinstance(item, str):
            links |= {(len(target) + i, item) for i in range(len(new))}
        target += new
    return Pair(source, tuple(target), frozenset(links))


def _corpus(where, one, n_train, n_test, dictionary, bare):
    """Draw distinct pairs with `one()`; `bare` is (source word, target words...) that have no partner."""
    n_train = _check.count(where, "n_train", n_train, 1, 100_000)
    n_test = _check.count(where, "n_test", n_test, 0, 100_000)
    found = {}
    while len(found) < n_train + n_test:
        pair = one()
        found.setdefault(pair.source, pair)
    pairs = tuple(found.values())
    target = [word for new in dictionary.values() for word in new]
    return Corpus(
        train=pairs[:n_train],
        test=pairs[n_train:],
        source_vocabulary=Vocabulary([*bare[:1], *dictionary]),
        target_vocabulary=Vocabulary([*bare[1:], *target]),
    )
