"""Check of `masked_last_state`: the last state of each row that is not padding."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import padding


def _pick(states, at):
    return np.take_along_axis(states, at[:, None, None], 1)[:, 0]


def _last(valid):
    return valid.shape[1] - 1 - valid[:, ::-1].argmax(1)


def masked_last_state(states, valid):
    return _pick(states, _last(valid)) * valid.any(1)[:, None]


def _last_column(states, valid):
    return states[:, -1]


def _one_too_far(states, valid):
    at = np.minimum(_last(valid) + 1, valid.shape[1] - 1)
    return _pick(states, at) * valid.any(1)[:, None]


def _first_valid(states, valid):
    return _pick(states, valid.argmax(1)) * valid.any(1)[:, None]


def _counted(states, valid):
    return _pick(states, valid.sum(1) - 1) * valid.any(1)[:, None]


def _empty_row_wraps(states, valid):
    return _pick(states, _last(valid))


def _mean(states, valid):
    return (states * valid[:, :, None]).sum(1) / np.maximum(valid.sum(1), 1)[:, None]


def _cases(rng):
    def draw(batch, steps, n):
        return rng.normal(size=(batch, steps, n))

    yield Case("padding at the end", (draw(5, 7, 3), padding([7, 3, 5, 2, 6], 7)))
    yield Case("padding at the start", (draw(3, 7, 5), padding([3, 2, 6], 7)[:, ::-1].copy()))
    gaps = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 1, 0]], dtype=bool)
    yield Case("gaps", (draw(2, 5, 7), gaps))
    yield Case("one row of padding only", (draw(3, 5, 2), padding([4, 0, 3], 5)))


EXERCISE = Exercise(
    reference=masked_last_state,
    title="The last state that is not padding",
    position=4,
    points=5,
    difficulty=2,
    minutes=15,
    cases=_cases,
    outputs=("last",),
    misconceptions={
        "padding_ignored": (
            _last_column,
            "states[:, -1] is the state after the padding for every row that is shorter.",
        ),
        "one_step_too_far": (
            _one_too_far,
            "You take the step after the last valid one: an index is a count minus one.",
        ),
        "first_instead_of_last": (
            _first_valid,
            "argmax of `valid` finds the first True; look from the other end.",
        ),
        "valid_steps_counted": (
            _counted,
            "The number of valid steps is the place of the last one only if they start at 0 without gaps.",
        ),
        "row_of_padding_not_zero": (_empty_row_wraps, "A row without any valid step must give zeros."),
        "averaged": (_mean, "You average the valid states; only the last one is asked for."),
    },
    hints=(
        "For each row: at which step is the last True? Then pick that step of that row.",
        "last = T - 1 - argmax(valid reversed along time); states[arange(B), last], times valid.any(1).",
        "valid = [True, False, True, False]: reversed it is [False, True, False, True], argmax 1, last = 4 "
        "- 1 - 1 = 2.",
    ),
)
