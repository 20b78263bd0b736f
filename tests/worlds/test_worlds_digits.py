import sys

import numpy as np
import pytest

from minattn.errors import ArgumentError, BackendMissing
from minattn.worlds import digits


def test_every_digit_is_in_one_of_the_two_sets():
    images, labels = digits.load()
    train, test = digits.split(5, n_train=1201)
    assert train["rows"].shape == (1201, 8, 8) and len(test["labels"]) == len(labels) - 1201
    rows = np.concatenate([train["rows"], test["rows"]])
    np.testing.assert_allclose(np.sort((rows + 0.3) * 16, axis=0), np.sort(images, axis=0), atol=1e-12)
    both = np.concatenate([train["labels"], test["labels"]])
    assert np.array_equal(np.bincount(both), np.bincount(labels)) and abs(rows.mean()) < 0.02


def test_pictures_keep_their_labels_and_the_seed_fixes_the_order():
    images, labels = digits.load()
    known = {image.tobytes(): label for image, label in zip(images / 16 - 0.3, labels)}
    (train, _), (again, _), (other, _) = (digits.split(seed) for seed in (3, 3, 4))
    assert all(known[row.tobytes()] == label for row, label in zip(train["rows"], train["labels"]))
    assert np.array_equal(train["labels"], again["labels"]) and not np.array_equal(
        train["labels"], other["labels"]
    )


def test_bad_sizes_and_a_missing_package(monkeypatch):
    with pytest.raises(ArgumentError):
        digits.split(0, n_train=1797)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(BackendMissing):
        digits.load()
