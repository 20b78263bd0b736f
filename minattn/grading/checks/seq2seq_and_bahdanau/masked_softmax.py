"""Check of `masked_softmax`: weights over the allowed keys only, zeros where none is allowed."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import mask_after, padding, softmax
from ..parts import masked_softmax as right


def masked_softmax(scores, mask):
    return right(scores, mask)


def _renormalised_after(scores, mask):
    weights = mask_after(scores, mask)
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(mask.any(-1, keepdims=True), total, 1)


def _zero_scores(scores, mask):
    return softmax(np.where(mask, scores, 0)) * mask.any(-1, keepdims=True)


def _uniform_empty_row(scores, mask):
    return softmax(np.where(mask, scores, -1e9))


def _nan_empty_row(scores, mask):
    return softmax(np.where(mask, scores, -np.inf))


def _inverted(scores, mask):
    return right(scores, ~mask)


def _no_shift(scores, mask):
    e = np.exp(scores) * mask
    return e / np.where(mask.any(-1, keepdims=True), e.sum(-1, keepdims=True), 1)


def _random_mask(rng, shape):
    """Every row allows the first key, forbids the last, and draws the others."""
    mask = rng.random(shape) < 0.6
    mask[..., 0], mask[..., -1] = True, False
    return mask


def _cases(rng):
    yield Case("sentences of different lengths", (rng.normal(size=(3, 7)), padding([5, 3, 6], 7)))
    yield Case("three axes", (rng.normal(size=(2, 3, 5)), _random_mask(rng, (2, 3, 5))))
    yield Case("a row that may look nowhere", (rng.normal(size=(3, 5)), padding([4, 0, 2], 5)))
    scores, mask = rng.normal(size=(5, 7)) * 1e4, _random_mask(rng, (5, 7))
    mask[3:, :-1] = True
    scores[:3, -1], scores[3:, -1] = 5e4, -5e4  # in three rows the largest score is a forbidden one
    yield Case("numbers around 10,000", (scores, mask), weight=2)


EXERCISE = Exercise(
    reference=masked_softmax,
    title="Softmax over the real words only",
    position=2,
    points=8,
    difficulty=2,
    minutes=20,
    cases=_cases,
    outputs=("weights",),
    row_sums=True,
    misconceptions={
        "mask_after_softmax": (
            mask_after,
            "You mask after softmax, so the forbidden keys already took their share and rows sum to less "
            "than one.",
        ),
        "mask_after_then_rescaled": (
            _renormalised_after,
            "Masking after softmax and rescaling is right on paper, but when a forbidden score is the "
            "largest, the allowed weights round to 0 and you divide 0 by 0. Mask the scores.",
        ),
        "forbidden_scores_set_to_zero": (
            _zero_scores,
            "exp(0) = 1: a score of 0 still gets weight. Use minus infinity.",
        ),
        "empty_row_uniform": (
            _uniform_empty_row,
            "With -1e9 a row without any allowed key becomes uniform over padding. It must be zeros.",
        ),
        "empty_row_nan": (
            _nan_empty_row,
            "A row of minus infinities gives nan. Rows without any allowed key must be zeros.",
        ),
        "mask_inverted": (_inverted, "True means may attend; you keep the weights where the mask is False."),
        "no_largest_subtracted": (
            _no_shift,
            "exp overflows for large scores: subtract the largest allowed score of the row.",
        ),
    },
    hints=(
        "A forbidden key should act as if it were not there. Which score gives exactly the weight 0? And "
        "what is left in a row where all are forbidden?",
        "s = scores where mask else -inf; m = max s (0 if the row is empty); e = exp(s - m); weights = e / "
        "sum e, 0 for an empty row.",
        "scores [0, 0, 5], mask [T, T, F]: weights [1/2, 1/2, 0]. mask [F, F, F]: weights [0, 0, 0].",
    ),
)
