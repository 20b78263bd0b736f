"""What is said about an answer: the right cause, in kind, without a number of the right answer."""

import dataclasses

import numpy as np
import pytest

from minattn.grading import Case, check, find
from minattn.grading.compare import fault, same
from minattn.grading.judge import Reply, judge

RIGHT = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
EXERCISE = find("softmax")


@pytest.mark.parametrize(
    "got, cause, words",
    [
        (RIGHT.astype(int), "wrong-type", "whole numbers"),
        (RIGHT > 2, "wrong-type", "booleans"),
        (RIGHT[:2], "wrong-shape", r"shape \(2, 3\), expected \(3, 3\)"),
        (RIGHT * np.nan, "wrong-value", "9 of 9 numbers are nan or infinite"),
        (np.where(RIGHT == 6, np.inf, RIGHT), "wrong-value", r"1 of 9 .* first at \[1, 2\]"),
        (
            np.where(RIGHT == 6, 5, RIGHT),
            "wrong-value",
            r"1 of 9 numbers are wrong, first at \[1, 2\], .* 1e-01",
        ),
        (-RIGHT, "wrong-value", "sign"),
        (RIGHT.T, "wrong-value", "two axes are swapped"),
        (RIGHT / 3, "wrong-value", "common factor"),
        (RIGHT.astype(np.float32) / np.float32(3) * 3, "wrong-value", "float32"),
    ],
)
def test_causes(got, cause, words):
    found = fault(EXERCISE, [got], [RIGHT])
    if words == "float32":
        found = fault(EXERCISE, [got + np.float32(1e-4)], [RIGHT])
    assert found[0] == cause
    assert __import__("re").search(words, found[1]), found[1]


def test_what_is_close_enough():
    assert fault(EXERCISE, [RIGHT * (1 + 1e-8)], [RIGHT]) is None
    assert fault(EXERCISE, [RIGHT * (1 + 1e-5)], [RIGHT])
    assert fault(EXERCISE, [np.array(3)], [np.array(3.0)]) is None  # a whole number for one number
    large = np.array([1e4, 1e-12])
    assert fault(EXERCISE, [large + [0, 1e-9]], [large]) is None  # rounding, at the size of the numbers
    assert fault(EXERCISE, [large + [0, 1e-3]], [large])


def test_rows_are_summed_for_weights():
    weights = find("masked_softmax")
    message = fault(weights, [RIGHT], [RIGHT / 7])[1]
    assert "your rows sum to 6 up to 25" in message
    assert "rows sum" not in fault(EXERCISE, [RIGHT], [RIGHT / 7])[1]


def test_outputs_are_named():
    two = find("matmul_backward")
    assert fault(two, [RIGHT], [RIGHT, RIGHT]) == (
        "wrong-type",
        "one array came back, 2 arrays needed: da, db",
    )
    assert fault(two, [RIGHT, RIGHT[:1]], [RIGHT, RIGHT])[1].startswith("db: shape")


def test_same_knows_nan_and_kinds():
    a = np.array([1.0, np.nan])
    assert same([a], [a.copy()], 1e-6, 1e-9)
    assert not same([a], [a, a], 1e-6, 1e-9)
    assert not same([np.ones(2, bool)], [np.ones(2)], 1e-6, 1e-9)
    assert not same([np.ones(2)], [np.ones((2, 1))], 1e-6, 1e-9)


def both_mistakes(q, k, v, mask):
    """No scale and mask after softmax."""
    scores = q @ k.swapaxes(-1, -2)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) * mask @ v


def test_two_mistakes_at_once_are_explained_as_far_as_possible():
    report = check("scaled_dot_product_attention", both_mistakes, seed=0)
    assert report.points == 0
    assert all(one.cases < one.of for one in report.recognised)


def test_raising_is_not_recognised_as_a_variant_that_raises():
    def broken(*args):
        raise ValueError("no")

    report = check("matmul_backward", broken, seed=0)
    assert {case.cause for case in report.cases} == {"exception"} and report.recognised == []


def test_partial_credit_goes_by_weight():
    exercise = dataclasses.replace(
        EXERCISE, points=4, cases=lambda rng: [Case("a", (RIGHT,)), Case("b", (RIGHT, 0), weight=3)]
    )

    def answer(args, seconds):
        return Reply(arrays=[EXERCISE.reference(args[0])])

    results, recognised = judge(exercise, 0, answer)
    assert [(case.points, case.max_points) for case in results] == [(1, 1), (0, 3)]
    assert [one.name for one in recognised] == ["axis_ignored"]
