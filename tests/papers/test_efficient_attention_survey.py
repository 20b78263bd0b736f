"""The helpers of the survey's row."""

import numpy as np
import pytest

from minattn.attention import KVCache
from minattn.papers.survey import efficient_attention_survey as row


@pytest.mark.parametrize(
    "x, y, expected",
    [
        ([1, 5, 7], [2, 3, 90], 1),
        ([1, 5, 7], [9, 3, 1], -1),
        ([1, 2, 3, 4], [1, 3, 2, 4], 0.8),
        ([1, 1, 3], [2, 4, 9], 0.75**0.5),
    ],
)
def test_rank_correlation(x, y, expected):
    assert row.rank_correlation(x, y) == pytest.approx(expected)


def test_floats_counts_arrays_and_caches_however_deep_they_lie():
    cache = KVCache()
    mixer = row.load("softmax")(8, 2, rng=np.random.default_rng(0))
    mixer.step(np.zeros((1, 1, 8)), cache)
    assert row.floats((3, [np.zeros((2, 5)), cache, None])) == 10 + 16


def test_every_family_has_a_colour_and_every_arm_a_place():
    assert {kind["family"] for kind in row.taxonomy()} == row.FAMILIES.keys()
    assert set(row.MIXERS) <= {name for kind in row.taxonomy() for name in kind["mixers"]}
