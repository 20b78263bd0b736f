import numpy as np
import pytest

from minattn.errors import ArgumentError, ShapeError
from minattn.metrics import bits_per_character, perplexity


def test_uniform_over_v_gives_v():
    log_probs = np.full((3, 7), -np.log(13), dtype=np.float32)
    assert perplexity(log_probs) == pytest.approx(13, rel=1e-6)
    assert bits_per_character(log_probs) == pytest.approx(np.log2(13), rel=1e-6)


def test_padding_does_not_count():
    log_probs = np.log([[0.5, 0.5, 0.001]])
    assert perplexity(log_probs, [[True, True, False]]) == pytest.approx(2)
    assert bits_per_character(log_probs, [[True, True, False]]) == pytest.approx(1)


def test_certain_is_one_and_rounding_is_forgiven():
    assert perplexity([0.0, 1e-8]) == pytest.approx(1)
    assert perplexity([-1e4]) == perplexity([-np.inf]) == np.inf


def test_bad_input():
    for metric in (perplexity, bits_per_character):
        with pytest.raises(ArgumentError):
            metric([2.3])  # a loss, not a log-probability
        with pytest.raises(ArgumentError):
            metric([np.nan])
        with pytest.raises(ArgumentError):
            metric([])
        with pytest.raises(ShapeError):
            metric([-1.0, -2.0], [True] * 3)
