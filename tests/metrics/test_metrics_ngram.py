from collections import Counter

import numpy as np
import pytest

from minattn.errors import ArgumentError
from minattn.metrics import NGram
from minattn.worlds import real


def _by_hand(train, text, order, n_symbols):
    """Witten-Bell with dictionaries, straight from the formula."""
    grams = Counter(tuple(train[i : i + n]) for n in range(1, order + 1) for i in range(len(train) - n + 1))

    def p(h, x):
        lower = 1 / n_symbols if not h else p(h[1:], x)
        after = {g[-1]: c for g, c in grams.items() if g[:-1] == h}
        total = sum(after.values())
        return (after.get(x, 0) + len(after) * lower) / (total + len(after)) if after else lower

    base = lambda x: (grams[(x,)] + len(set(train)) / n_symbols) / (len(train) + len(set(train)))  # noqa: E731
    log = []
    for t, x in enumerate(text):
        h = tuple(text[max(0, t - order + 1) : t])
        log.append(np.log(p(h, x)))
        if not h:
            assert log[-1] == pytest.approx(np.log(base(x)))
    return np.array(log)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_formula(order):
    rng = np.random.default_rng(order)
    train, text = rng.integers(0, 4, 61).tolist(), rng.integers(0, 5, 37).tolist()
    model = NGram(order=order, n_symbols=5).fit(train)
    assert np.allclose(model.log_probs(text), _by_hand(train, text, order, 5), atol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 4])
def test_step_is_a_distribution_and_agrees_with_log_probs(order):
    rng = np.random.default_rng(order)
    model = NGram(order=order, n_symbols=7).fit(rng.integers(0, 6, 300))
    text = rng.integers(0, 7, (5, 11))
    for t in range(11):
        log_probs = model.step(text[:, :t])
        assert np.allclose(np.exp(log_probs).sum(1), 1)
        for row in range(5):
            assert log_probs[row, text[row, t]] == pytest.approx(model.log_probs(text[row])[t])


def test_a_text_shorter_than_the_order_is_no_trouble():
    model = NGram(order=5, n_symbols=3).fit([0, 1])
    assert np.allclose(np.exp(model.step([[0, 1, 2, 0]])).sum(), 1)
    assert model.log_probs([]).shape == (0,)


def test_the_rulers_on_the_language_reference():
    text = real.load()
    characters = real.CharVocabulary(text)
    train, held_out = real.split(characters.encode(text))
    bits = [
        NGram(order=n, n_symbols=len(characters)).fit(train).bits_per_character(held_out) for n in range(1, 6)
    ]
    in_windows = NGram(order=5, n_symbols=len(characters)).fit(train).bits_per_character(held_out, window=64)
    # 4.67 3.34 2.47 2.03 1.90 on the text of Python 3.11; other versions differ a little.
    assert np.allclose(bits, [4.67, 3.34, 2.47, 2.03, 1.90], atol=0.12)
    assert 0.03 < in_windows - bits[-1] < 0.15  # 1.98: every window begins without context


def test_bad_input():
    for bad in (dict(order=0, n_symbols=5), dict(order=2, n_symbols=0), dict(order=10, n_symbols=100)):
        with pytest.raises(ArgumentError):
            NGram(**bad)
    model = NGram(order=2, n_symbols=5)
    with pytest.raises(ArgumentError, match="fit"):
        model.log_probs([1, 2])
    for ids in ([5], [-1], [[1, 2]], []):
        with pytest.raises(ArgumentError):
            model.fit(ids)
