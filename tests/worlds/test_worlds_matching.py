import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.worlds import matching

B = 211


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_nearest(rng):
    drawn = matching.nearest(rng, B, n_tokens=7, n_payloads=3)
    row, away = np.arange(B), np.abs(drawn["numbers"] - drawn["query"][:, None])
    assert (away[row, drawn["attend"]] == away.min(1)).all()
    assert np.array_equal(drawn["payloads"][row, drawn["attend"]], drawn["targets"])
    assert set(drawn["targets"]) == {0, 1, 2} and set(drawn["attend"]) == set(range(7))
    assert np.abs(drawn["numbers"]).max() <= 1 and drawn["numbers"].shape == (B, 7)


@pytest.mark.parametrize("sizes", [dict(), dict(n_blocks=5, n_inside=3, n_letters=11, n_labels=7)])
def test_block_search(rng, sizes):
    n_blocks, n_inside, n_letters, n_labels = {
        **dict(n_blocks=6, n_inside=4, n_letters=16, n_labels=12), **sizes
    }.values()  # fmt: skip
    drawn = matching.block_search(rng, B, **sizes)
    blocks = drawn["inputs"][:, :-3].reshape(B, n_blocks, n_inside + 1)
    letters, labels, end = blocks[:, :, :-1], blocks[:, :, -1], drawn["inputs"][:, -3:]
    assert letters.max() < n_letters <= labels.min() and labels.max() < n_letters + n_labels
    assert (end[:, 0] == n_letters + n_labels).all() and (end[:, 1] != end[:, 2]).all()
    assert all(len(set(block)) == n_inside for row in letters for block in row)
    assert all(len(set(row)) == n_blocks for row in labels)
    first, second = ((letters == end[:, i, None, None]).any(-1) for i in (1, 2))
    assert ((first & second).sum(1) == 1).all()
    assert (first.sum(1) == 1 + (n_blocks - 1) // 2).all() and (second.sum(1) == first.sum(1)).all()
    both = (first & second).argmax(1)
    assert np.array_equal(labels[np.arange(B), both] - n_letters, drawn["targets"])
    assert np.array_equal(drawn["attend"], both * (n_inside + 1) + n_inside)
    assert set(both) == set(range(n_blocks)) and set(drawn["targets"]) == set(range(n_labels))
    asked = (letters == end[:, 1, None, None]) & (first & second)[:, :, None]
    assert set(np.nonzero(asked)[2]) == set(range(n_inside))  # at every place of its block


def test_occurs(rng):
    objects = matching.pool(rng, 29, 7)
    assert np.allclose(np.linalg.norm(objects, axis=1), 1)
    drawn = matching.occurs(rng, B, objects, n_objects=5)
    again = drawn["ids"][:, 1:] == drawn["ids"][:, :1]
    assert np.array_equal(again.sum(1), drawn["targets"]) and 0.4 < drawn["targets"].mean() < 0.6
    assert np.array_equal(np.where(again.any(1), 1 + again.argmax(1), -1), drawn["attend"])
    assert np.array_equal(drawn["objects"], objects[drawn["ids"]])
    assert all(len(set(row[1:])) == 4 for row in drawn["ids"])
    assert set(drawn["attend"]) == {-1, 1, 2, 3, 4} and set(drawn["ids"].ravel()) == set(range(29))


@pytest.mark.parametrize(
    "task, bad",
    [
        (matching.nearest, dict(n_tokens=0)),
        (matching.block_search, dict(n_blocks=2)),
        (matching.block_search, dict(n_labels=5)),
        (matching.block_search, dict(n_letters=5)),
    ],
)
def test_bad_sizes_rngs_and_repeats(task, bad):
    with pytest.raises(ArgumentError):
        task(np.random.default_rng(0), 2, **bad)
    with pytest.raises(DTypeError):
        task(0, 2)
    first, again = (task(np.random.default_rng(3), 5) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_bad_objects(rng):
    with pytest.raises(ShapeError):
        matching.occurs(rng, 2, np.zeros(7))
    with pytest.raises(ArgumentError):
        matching.occurs(rng, 2, np.zeros((5, 7)), n_objects=6)
