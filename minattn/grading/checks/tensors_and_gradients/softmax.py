"""Check of `softmax`: positive weights that sum to one, without overflow."""

import numpy as np

from ...exercise import Case, Exercise


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _no_shift(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def _global_shift(x, axis=-1):
    e = np.exp(x - x.max())
    return e / e.sum(axis=axis, keepdims=True)


def _last_axis(x, axis=-1):
    return softmax(x, -1)


def _first_axis(x, axis=-1):
    return softmax(x, 0)


def _sum_of_everything(x, axis=-1):
    e = np.exp(x - x.max())
    return e / e.sum()


def _no_exp(x, axis=-1):
    return x / x.sum(axis=axis, keepdims=True)


def _cases(rng):
    yield Case("rows of a matrix", (rng.normal(size=(3, 5)),))
    yield Case("columns of a matrix (axis=0)", (rng.normal(size=(5, 7)), 0))
    yield Case("three axes, the middle one", (rng.normal(size=(2, 5, 3)), -2))
    yield Case("numbers around 10,000", (rng.normal(size=(5, 7)) * 1e4,), weight=2)


EXERCISE = Exercise(
    reference=softmax,
    title="Turn scores into weights",
    position=1,
    points=5,
    difficulty=1,
    minutes=10,
    cases=_cases,
    misconceptions={
        "no_largest_subtracted": (
            _no_shift,
            "exp(1000) is infinite. Softmax does not change when the same number is taken from a whole row: "
            "take away the largest first.",
        ),
        "one_shift_for_the_whole_array": (
            _global_shift,
            "You take away the largest number of the whole array. A row far below it becomes 0/0. Every row "
            "needs its own largest number: max(axis=axis, keepdims=True).",
        ),
        "axis_ignored": (_last_axis, "The weights sum to one along the last axis, whatever `axis` says."),
        "always_the_first_axis": (
            _first_axis,
            "The weights sum to one along axis 0; use the argument `axis`.",
        ),
        "sum_over_everything": (
            _sum_of_everything,
            "You divide by the sum of the whole array, so the whole array sums to one, not each row.",
        ),
        "no_exp": (
            _no_exp,
            "You divide by the sum, but the numbers were not put through exp: weights can be negative.",
        ),
    },
    hints=(
        "Two steps: make every number positive, then divide by the sum of its row. Which function makes "
        "numbers positive and keeps their order?",
        "softmax(x)_i = exp(x_i - m) / sum_j exp(x_j - m) with m = max_j x_j; max and sum along `axis`, "
        "keepdims=True.",
        "x = [0, ln 3]: m = ln 3, exp(x - m) = [1/3, 1], their sum is 4/3, softmax = [1/4, 3/4].",
    ),
)
