import numpy as np
import pytest

from minattn import attention as A

T, S = 5, 7


def mask_of(*masks, start=0, valid=None, context=S):
    x = np.ones((2, T, 3))
    context = None if context is None else np.ones((2, context, 3))
    return A.Attention(A.Identity(), masks=list(masks)).trace(x, context, start=start, valid=valid).mask


@pytest.mark.parametrize("start", [0, 2])
def test_causal_is_one_inequality_of_places(start):
    mask = mask_of(A.Causal(), start=start)
    assert mask.dtype == bool and mask.shape == (T, S)
    for i, j in np.ndindex(T, S):
        assert mask[i, j] == (j <= i + start)


def test_in_self_attention_start_moves_queries_and_keys_together():
    np.testing.assert_array_equal(mask_of(A.Causal(), start=9, context=None), np.tri(T, dtype=bool))


@pytest.mark.parametrize("half", [0, 2, 2.5, float("inf")])
def test_window_is_one_inequality_of_places(half):
    mask = mask_of(A.Window(half), start=1)
    for i, j in np.ndindex(T, S):
        assert mask[i, j] == (abs(i + 1 - j) <= half)


def test_causal_window_holds_the_own_key_and_half_before():
    mask = mask_of(A.Causal(), A.Window(2), context=None)
    assert mask.sum(axis=-1).tolist() == [1, 2, 3, 3, 3]


def test_masks_are_joined_by_and_with_valid():
    valid = np.array([[True] * S, [True, False] * 3 + [True]])
    mask = mask_of(A.Causal(), valid=valid)
    np.testing.assert_array_equal(mask[:, 0], np.tri(T, S, dtype=bool) & valid[:, None, :])


def test_without_masks_and_valid_there_is_no_mask():
    assert mask_of() is None
