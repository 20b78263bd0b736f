import numpy as np
import pytest

from minattn.errors import ShapeError
from minattn.metrics import effective_rank


def test_equal_directions_count_fully_and_unequal_ones_less():
    rng = np.random.default_rng(2)
    q, _ = np.linalg.qr(rng.normal(size=(7, 7)))
    assert effective_rank(3 * q) == pytest.approx(7)
    assert effective_rank(rng.normal(size=(7, 1)) @ rng.normal(size=(1, 5))) == pytest.approx(1)
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(
        np.exp(0.75 * np.log(4 / 3) + 0.25 * np.log(4))
    )
    assert 2 < effective_rank(rng.normal(size=(7, 3)) @ rng.normal(size=(3, 5))) < 3


def test_zeros_have_none_and_vectors_are_refused():
    assert effective_rank(np.zeros((3, 2))) == 0
    with pytest.raises(ShapeError):
        effective_rank(np.ones(3))
