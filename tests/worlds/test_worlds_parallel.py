import re

import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import parallel, words

CLASS = {word: name for name, members in words.CLASSES.items() for word in members}


@pytest.fixture(scope="module")
def corpus():
    return parallel.translation(103, 400, 50)


def _translations(pairs):
    """Source word -> set of the target strings that its links say."""
    said = {}
    for pair in pairs:
        for s, word in enumerate(pair.source):
            linked = tuple(pair.target[t] for t, source in sorted(pair.links) if source == s)
            said.setdefault(word, set()).add(linked)
    return said


def test_sizes_of_the_translation_world(corpus):
    pairs = corpus.train + corpus.test
    assert (len(corpus.train), len(corpus.test)) == (400, 50)
    assert len({pair.source for pair in pairs}) == 450
    assert {len(pair.source) for pair in pairs} == set(range(10, 17))
    assert len(corpus.source_vocabulary) == 103
    assert [len(members) for members in words.CLASSES.values()] == [4, 22, 36, 24, 6, 8]
    assert len(corpus.target_vocabulary) == 103 + 8  # 10 % of 82 types have two words


def test_links_cover_both_sides_and_say_one_dictionary(corpus):
    for pair in corpus.train:
        assert sorted(t for t, _ in pair.links) == list(range(len(pair.target)))
        assert {s for _, s in pair.links} == set(range(len(pair.source)))
    said = _translations(corpus.train)
    assert all(len(options) == 1 for options in said.values())
    new = [target for options in said.values() for target in options]
    assert len({t for target in new for t in target}) == sum(map(len, new)) and {len(t) for t in new} == {
        1,
        2,
    }
    double = {word for word, options in said.items() if len(next(iter(options))) == 2}
    assert {CLASS[word] for word in double} <= {"noun", "verb", "adj"}


def _target_classes(pair):
    """Class of each source word in the order in which the target says it, once per source word."""
    order = list(dict.fromkeys(s for _, s in sorted(pair.links)))
    return order, " ".join(CLASS[pair.source[s]] for s in order)


def test_word_order_of_both_languages(corpus):
    phrase, said = "det( adj){0,2} noun", "det noun( adj){0,2}"
    for pair in corpus.train:
        source = " ".join(CLASS[word] for word in pair.source)
        assert _match(f"{phrase}( adv)? verb {phrase}( prep {phrase}){{0,2}}", source)
        order, target = _target_classes(pair)
        assert _match(f"{said} {said} verb( adv)?( prep {said}){{0,2}}", target)
        verb = [CLASS[w] for w in pair.source].index("verb")
        assert order.index(verb) - verb <= 4


def _match(pattern, text):
    return re.fullmatch(pattern, text)


def test_shares_of_adjectives_and_frequent_words():
    corpus = parallel.translation(104, 1500, 0, shortest=5, longest=20)
    runs = np.array([n for pair in corpus.train for n in _adjective_runs(pair.source)])
    # Sentences of every length: only the removal of doublets bends the shares of the grammar.
    assert np.allclose(np.bincount(runs) / len(runs), [0.35, 0.50, 0.15], atol=0.03)
    nouns = [word for pair in corpus.train for word in pair.source if CLASS[word] == "noun"]
    weight = 1 / (np.arange(36) + 2)
    assert abs(nouns.count("child") / len(nouns) - weight[0] / weight.sum()) < 0.02


def _adjective_runs(source):
    kinds = [CLASS[word] for word in source]
    return [kinds[: i + 1][::-1].index("det") - 1 for i, kind in enumerate(kinds) if kind == "noun"]


def test_a_seed_fixes_everything(corpus):
    again, other = parallel.translation(103, 400, 50), parallel.translation(105, 400, 50)
    assert again.train == corpus.train and again.target_vocabulary.words == corpus.target_vocabulary.words
    assert other.target_vocabulary.words != corpus.target_vocabulary.words


def test_ids_end_in_eos_and_decode_to_the_words(corpus):
    (source, target), pair = corpus.ids(corpus.test)[7], corpus.test[7]
    assert source[-1] == target[-1] == 2
    assert tuple(corpus.source_vocabulary.decode(source)) == pair.source
    assert tuple(corpus.target_vocabulary.decode(target)) == pair.target


def test_particles_have_no_source_word():
    corpus = parallel.particles(101, 300, 20)
    assert len(corpus.source_vocabulary) == 3 + 39 and len(corpus.target_vocabulary) == 3 + 41
    for pair in corpus.train + corpus.test:
        linked = {t for t, _ in pair.links}
        bare = [word for t, word in enumerate(pair.target) if t not in linked]
        n_adj = sum(CLASS[word] == "adj" for word in pair.source)
        assert bare == ["TOP"] + ["NO"] * n_adj + ["MASU"]
        assert {word for s, word in enumerate(pair.source) if s not in {s for _, s in pair.links}} == {"the"}
        content = " ".join(CLASS[pair.source[s]] for _, s in sorted(pair.links))
        assert _match("noun( adj)? noun( adj)?( adv)? verb", content)
        assert (
            pair.target[-2] in corpus.target_vocabulary and len(pair.source) <= 8 and len(pair.target) <= 10
        )
    said = _translations(corpus.train)
    assert all(len(options) == 1 for options in said.values()) and len(said) == 39


@pytest.mark.parametrize(
    "bad", [dict(shortest=4), dict(shortest=12, longest=11), dict(n_train=0), dict(seed=-1)]
)
def test_impossible_corpora_are_refused(bad):
    with pytest.raises(ArgumentError):
        parallel.translation(**{"seed": 100, **bad})
    with pytest.raises(DTypeError):
        parallel.particles("0")


def test_invented_words_run_out():
    with pytest.raises(ArgumentError, match="syllables=2"):
        words.invented(np.random.default_rng(0), 71, syllables=1)
    assert len(set(words.invented(np.random.default_rng(0), 70, syllables=1))) == 70
