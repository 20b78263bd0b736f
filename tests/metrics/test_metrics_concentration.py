"""Numbers of a matrix of weights, on matrices whose numbers are known."""

import numpy as np
import pytest

from minattn.metrics.concentration import entropy, log_variance, spectral_gap


def test_even_weights():
    even = np.full((5, 7), 1 / 7)
    assert log_variance(even) == pytest.approx(0) and entropy(even) == pytest.approx(np.log(7))
    assert spectral_gap(np.full((5, 5), 0.2)) == pytest.approx(1)


def test_sharp_and_split_weights():
    assert entropy(np.eye(5)) == 0
    parts = np.kron(np.eye(2), np.full((3, 3), 1 / 3))
    assert spectral_gap(parts) == pytest.approx(0, abs=1e-9)
    assert log_variance([[1, np.e], [1, np.e]]) == pytest.approx(0.25)
    chain = np.array([[0.9, 0.1], [0.3, 0.7]])
    assert spectral_gap(chain) == pytest.approx(0.4)  # eigenvalues 1 and 0.6
