import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.metrics import aer, argmax_links

GOLD = [{(0, 1), (1, 0)}, {(0, 0), (1, 1), (2, 2)}]


def test_perfect_and_hopeless():
    assert aer(GOLD, GOLD) == 0
    assert aer([{(0, 0)}, {(0, 1)}], GOLD) == 1
    assert aer([set(), set()], GOLD) == 1 and aer([set()], [set()]) == 0


def test_with_one_sure_link_a_word_it_is_the_share_of_wrong_words():
    found = [{(0, 1), (1, 1)}, {(0, 0), (1, 1), (2, 2)}]
    assert aer(found, GOLD) == pytest.approx(1 / 5)


def test_possible_links_are_neither_wrong_nor_missing():
    sure, possible = [{(0, 0)}], [{(1, 1), (2, 1)}]
    assert aer([{(0, 0)}], sure, possible) == 0
    assert aer([{(0, 0), (1, 1)}], sure, possible) == 0
    assert aer([{(0, 0), (1, 2)}], sure, possible) == pytest.approx(1 - 2 / 3)


def test_argmax_links_skip_rows_of_zeros_and_what_is_cut_off():
    weights = np.zeros((5, 7))
    weights[0, 3], weights[2, 6], weights[2, 1], weights[4, 0] = 1, 0.9, 0.4, 1
    assert argmax_links(weights) == {(0, 3), (2, 6), (4, 0)}
    assert argmax_links(weights, n_target=3, n_source=6) == {(0, 3), (2, 1)}


def test_bad_input():
    with pytest.raises(ShapeError):
        argmax_links(np.ones(3))
    with pytest.raises(ShapeError):
        argmax_links(np.ones((3, 0)))
    with pytest.raises(ShapeError):
        argmax_links(np.ones((3, 5)), n_source=0)
    for links in ([], GOLD[:1]):
        with pytest.raises(ArgumentError):
            aer(links, GOLD)
    with pytest.raises(DTypeError):
        aer([{0, 1}], GOLD[:1])
