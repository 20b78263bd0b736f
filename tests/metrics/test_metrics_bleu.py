import math

import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.metrics import bleu

WORDS = ["one", "two", "three", "four", "five", "six", "seven"]


def test_a_copy_is_100_and_a_stranger_0():
    assert bleu([WORDS, WORDS[:5]], [WORDS, WORDS[:5]]) == pytest.approx(100)
    assert bleu([["x"] * 7], [WORDS]) == 0
    assert bleu([[]], [WORDS]) == 0 and bleu([WORDS[:3]], [WORDS[:3]]) == 0


def test_ids_do_as_well_as_words():
    assert bleu([[3, 1, 4, 1, 5]], [[3, 1, 4, 1, 6]]) == pytest.approx(
        100 * (4 / 5 * 3 / 4 * 2 / 3 / 2) ** 0.25
    )


def test_repeats_are_clipped():
    """ "one one one one one" finds one match of five, not five."""
    assert bleu([["one"] * 5], [WORDS[:5]], max_n=1) == pytest.approx(20)


def test_brevity_is_over_the_corpus():
    short = bleu([WORDS[:5], WORDS], [WORDS, WORDS[:5]])
    alone = bleu([WORDS[:5]], [WORDS])
    assert alone == pytest.approx(100 * math.exp(1 - 7 / 5))
    assert short > alone  # 12 words against 12: no penalty


def test_without_smoothing_a_missing_order_is_fatal():
    hypothesis, reference = [WORDS[:3] + ["x", "y"]], [WORDS[:5]]
    assert bleu(hypothesis, reference, smooth=False) == 0
    assert bleu(hypothesis, reference) == pytest.approx(100 * (3 / 5 * 2 / 4 * 1 / 3 * 0.5 / 2) ** 0.25)


def test_bad_input():
    with pytest.raises(DTypeError, match="split"):
        bleu(["one two"], [["one", "two"]])
    with pytest.raises(DTypeError):
        bleu([3], [[3]])
    with pytest.raises(ArgumentError):
        bleu([], [])
    with pytest.raises(ArgumentError):
        bleu([WORDS], [WORDS, WORDS])
    with pytest.raises(ArgumentError):
        bleu([WORDS], [WORDS], max_n=0)
