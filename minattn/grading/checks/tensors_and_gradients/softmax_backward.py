"""Check of `softmax_backward`: the gradient through a softmax, from its output alone."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import softmax


def softmax_backward(grad, weights):
    return weights * (grad - (grad * weights).sum(-1, keepdims=True))


def _diagonal_only(grad, weights):
    return grad * weights * (1 - weights)


def _no_second_term(grad, weights):
    return grad * weights


def _plain_sum(grad, weights):
    return weights * (grad - grad.sum(-1, keepdims=True))


def _factor_missing(grad, weights):
    return grad - (grad * weights).sum(-1, keepdims=True)


def _wrong_axis(grad, weights):
    return weights * (grad - (grad * weights).sum(0, keepdims=True))


def _cases(rng):
    yield Case("rows of a matrix", (rng.normal(size=(3, 5)), softmax(rng.normal(size=(3, 5)))))
    yield Case("three axes", (rng.normal(size=(2, 5, 7)), softmax(rng.normal(size=(2, 5, 7)))))
    masked = rng.random((5, 7)) < 0.4
    masked[:, 0] = False
    weights = softmax(np.where(masked, -np.inf, rng.normal(size=(5, 7))))
    yield Case("rows with weights that are exactly 0", (rng.normal(size=(5, 7)), weights))
    yield Case("gradients around 10,000", (rng.normal(size=(5, 3)) * 1e4, softmax(rng.normal(size=(5, 3)))))


EXERCISE = Exercise(
    reference=softmax_backward,
    title="Send a gradient back through softmax",
    position=2,
    points=8,
    difficulty=2,
    minutes=20,
    cases=_cases,
    misconceptions={
        "diagonal_only": (
            _diagonal_only,
            "w (1 - w) is only the diagonal of the Jacobian. Each score also moves all the other weights of "
            "its row.",
        ),
        "no_second_term": (
            _no_second_term,
            "The sum over the row is missing: raising one score lowers all other weights.",
        ),
        "sum_not_weighted": (
            _plain_sum,
            "Inside the brackets stands sum_j g_j w_j, the gradients weighted by the weights.",
        ),
        "outer_weights_missing": (
            _factor_missing,
            "The bracket must be multiplied by the weight of its own place.",
        ),
        "sum_over_the_wrong_axis": (
            _wrong_axis,
            "The sum runs along the axis that softmax normalises: the last one.",
        ),
    },
    hints=(
        "Each score changes every weight of its row. Write dw_j/dx_i first, for i = j and for i != j.",
        "dw_j/dx_i = w_j ([i = j] - w_i), so dL/dx_i = sum_j g_j dw_j/dx_i = w_i (g_i - sum_j g_j w_j).",
        "w = [1/4, 3/4], g = [4, 0]: sum_j g_j w_j = 1, so dx = [1/4 (4 - 1), 3/4 (0 - 1)] = [3/4, -3/4].",
    ),
)
