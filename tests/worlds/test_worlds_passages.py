import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.worlds import passages

B, BLOCK, N = 211, 5, 7


def test_the_last_block_asks_for_facts_that_stand_anywhere_before():
    sizes = dict(block=BLOCK, n_blocks=N, n_facts=4, n_keys=11, n_values=3, n_fillers=2)
    drawn = passages.passages(np.random.default_rng(5), B, **sizes)
    keys, values = np.moveaxis(drawn["inputs"], -1, 0)
    assert keys.shape == (B, N * (BLOCK + 1)) and drawn["targets"].shape == (B, BLOCK)
    marks = np.arange(N * (BLOCK + 1)) % (BLOCK + 1) == BLOCK
    assert (keys[:, marks] == 13).all() and (values[:, marks] == 3).all() and (keys[:, ~marks] < 13).all()
    rows, asked = np.arange(B)[:, None], slice(-BLOCK - 1, -1)
    assert np.array_equal(keys[rows, drawn["attend"]], keys[:, asked]) and (values[:, asked] == 3).all()
    assert np.array_equal(values[rows, drawn["attend"]], drawn["targets"]) and (drawn["targets"] < 3).all()
    assert ((values < 3).sum(1) == 4).all() and all(len(set(k[v < 3])) == 4 for k, v in zip(keys, values))
    assert set(drawn["attend"].ravel()) == set(np.flatnonzero(~marks)[:-BLOCK])
    assert (np.diff(np.sort(drawn["attend"]), axis=1) == 0).any()  # the same fact may be asked for twice


def test_landmarks_are_inserted_after_full_blocks_only():
    inputs = np.arange(2 * 7 * 1).reshape(2, 7, 1)
    marked = passages.with_landmarks(inputs, 3, (99,))
    assert marked[0, :, 0].tolist() == [0, 1, 2, 99, 3, 4, 5, 99, 6]
    assert np.array_equal(passages.with_landmarks(inputs, 8, (99,)), inputs)


def test_bad_arguments_are_refused():
    rng = np.random.default_rng(0)
    for bad in (dict(n_blocks=1), dict(block=0), dict(n_facts=17)):
        with pytest.raises(ArgumentError):
            passages.passages(rng, 2, **bad)
    with pytest.raises(DTypeError):
        passages.passages(0, 2)
    with pytest.raises(ShapeError):
        passages.with_landmarks(np.zeros((2, 7, 2), int), 3, (9,))
