import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import sentiment
from minattn.worlds.sentiment import LONGEST, NEGATIONS, NEGATIVE, NOUNS, POSITIVE, TAGS, VERBS, VOCABULARY

B = 223


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def spelled(drawn):
    """The words of each sentence with their tags, the begin mark at place 0."""
    for ids, tags in zip(drawn["inputs"], drawn["tags"]):
        yield [(VOCABULARY.words[i], TAGS[t] if t >= 0 else None) for i, t in zip(ids, tags)]


def test_the_opinion_is_what_the_words_say(rng):
    drawn = sentiment.sentences(rng, B)
    assert np.array_equal(drawn["labels"], drawn["truth"]) and set(drawn["labels"]) == {0, 1}
    for words, label, adjective, negation in zip(
        spelled(drawn), *(drawn[name] for name in ("labels", "adjective", "negation"))
    ):
        held = [place for place, (word, _) in enumerate(words) if word in {*POSITIVE, *NEGATIVE}]
        assert held == [adjective] and words[adjective][1] == "adj"
        negated = words[adjective - 1][0] in NEGATIONS
        assert negation == (adjective - 1 if negated else -1)
        assert label == ((words[adjective][0] in POSITIVE) ^ negated)


def test_tags_padding_and_the_grammar(rng):
    drawn = sentiment.sentences(rng, B, p_ambiguous=0.5)
    inputs, valid, tags = (drawn[name] for name in ("inputs", "valid", "tags"))
    assert inputs.shape == (B, LONGEST) and (inputs[:, 0] == VOCABULARY.bos).all()
    assert np.array_equal(valid, inputs != VOCABULARY.pad) and (np.diff(valid.astype(int)) <= 0).all()
    assert np.array_equal(tags >= 0, valid & (np.arange(LONGEST) > 0))
    assert valid.sum(1).max() <= LONGEST and valid.sum(1).min() >= 6
    both = set()
    for words in spelled(drawn):
        shape = [tag for _, tag in words if tag]
        assert shape.count("verb") == 1 and shape.count("det") == shape.count("noun") in (2, 3)
        assert shape[0] == "det" and shape[-1] == "noun"
        both |= {(word, tag) for word, tag in words if tag in ("noun", "verb")}
    names = {tag: {word for word, t in both if t == tag} for tag in ("noun", "verb")}
    ambiguous = names["noun"] & names["verb"]
    assert ambiguous == set(sentiment.AMBIGUOUS) and not ambiguous & {*NOUNS, *VERBS}


def test_chances(rng):
    share = {
        name: np.mean(sentiment.sentences(rng, 1500, **chances)["negation"] >= 0)
        for name, chances in {"half": {}, "never": {"p_negated": 0}, "always": {"p_negated": 1}}.items()
    }
    assert abs(share["half"] - 0.5) < 0.05 and (share["never"], share["always"]) == (0, 1)
    none = sentiment.sentences(rng, B, p_decoy=0, p_negated=0)
    assert not (none["tags"] == TAGS.index("neg")).any()
    few = sentiment.sentences(rng, B, n_opinions=2)
    assert {VOCABULARY.words[i] for i in few["inputs"][np.arange(B), few["adjective"]]} == {
        "good", "kind", "bad", "cruel"
    }  # fmt: skip
    plain = sentiment.sentences(rng, B, n_words=2)
    nouns = {word for words in spelled(plain) for word, tag in words if tag == "noun"}
    assert nouns == {*NOUNS[:2], *sentiment.AMBIGUOUS[:2]}
    noisy = sentiment.sentences(rng, 1500, p_wrong=0.2)
    assert abs(np.mean(noisy["labels"] != noisy["truth"]) - 0.2) < 0.04


def test_words_alone_do_not_tell_the_opinion(rng):
    """Polarity, and the number of negations, say little: the negation must be next to the adjective."""
    drawn = sentiment.sentences(rng, 3000)
    polarity = drawn["truth"] ^ (drawn["negation"] >= 0)
    odd = (drawn["tags"] == TAGS.index("neg")).sum(1) % 2 == 1
    some = (drawn["tags"] == TAGS.index("neg")).any(1)
    assert abs(np.mean(polarity == drawn["truth"]) - 0.5) < 0.05
    assert np.mean((polarity ^ odd) == drawn["truth"]) < 0.8
    assert np.mean((polarity ^ some) == drawn["truth"]) < 0.85


def test_a_corpus_has_distinct_sentences_and_noise_in_its_training_set_alone():
    sets = sentiment.corpus(7, 401, 203, 307, p_wrong=0.1)
    assert [len(one["inputs"]) for one in sets] == [401, 203, 307]
    every = np.concatenate([one["inputs"] for one in sets])
    assert len(np.unique(every, axis=0)) == len(every)
    wrong = [np.mean(one["labels"] != one["truth"]) for one in sets]
    assert 0.05 < wrong[0] < 0.16 and wrong[1:] == [0, 0]
    again, other = sentiment.corpus(7, 401, 203, 307, p_wrong=0.1), sentiment.corpus(8, 401)
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(sets, again) for name in a)
    assert not np.array_equal(sets[0]["inputs"], other[0]["inputs"]) and len(other[1]["inputs"]) == 0


@pytest.mark.parametrize(
    "bad", [dict(n_opinions=25), dict(n_words=0), dict(p_decoy=1.5), dict(p_wrong=-0.1), dict(batch=0)]
)
def test_bad_arguments(rng, bad):
    with pytest.raises(ArgumentError):
        sentiment.sentences(rng, **{"batch": 3, **bad})
    with pytest.raises(DTypeError):
        sentiment.sentences(0, 3)
    with pytest.raises(ArgumentError):
        sentiment.corpus(0, 0)
