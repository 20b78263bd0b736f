"""Put the cases of an exercise to whoever answers, compare, and recognise misconceptions.

`answer(args, seconds)` is a worker in another process or, in a notebook, the function itself. Nothing here
knows which; what is right stays on this side.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from . import frames
from .compare import fault, same

NOT_AN_ANSWER = ("not-implemented", "syntax-error", "import-error", "missing-function")


@dataclass
class Reply:
    """What came back for one case: arrays, or a named cause why there are none."""

    arrays: list | None = None
    cause: str | None = None
    message: str = ""


@dataclass
class CaseResult:
    """The verdict on one case. `cause` is None when it passed."""

    name: str
    points: float
    max_points: float
    cause: str | None = None
    message: str = ""
    seconds: float = 0.0

    @property
    def passed(self):
        return self.cause is None


@dataclass
class Recognised:
    """A misconception whose arrays the submission returned, on `cases` of the `of` cases where it shows."""

    name: str
    hint: str
    cases: int
    of: int


def run_quietly(function, args):
    """Arrays of a function of ours, None if it raised (a wrong variant may)."""
    with np.errstate(all="ignore"):
        try:
            return frames.as_arrays(function(*args))[0]
        except Exception:
            return None


def judge(exercise, seed, answer):
    """Ask every case once. Returns (list of CaseResult, list of Recognised)."""
    cases = exercise.draw(seed)
    total = sum(case.weight for case in cases)
    results, sheet = [], []
    for case in cases:
        start = time.monotonic()
        reply = answer(case.args, exercise.seconds)
        seconds = time.monotonic() - start
        right = frames.as_arrays(exercise.reference(*case.args))[0]
        if reply.cause is None:
            found = fault(exercise, reply.arrays, right)
            reply.cause, reply.message = found or (None, "")
        worth = exercise.points * case.weight / total
        earned = worth if reply.cause is None else 0.0
        results.append(CaseResult(case.name, earned, worth, reply.cause, reply.message, seconds))
        sheet.append((case, reply, right))
    if all(result.passed or result.cause in NOT_AN_ANSWER for result in results):
        return results, []
    return results, recognise(exercise, sheet)


def recognise(exercise, sheet):
    """Misconceptions that explain the answers.

    A wrong variant counts where it differs from the reference. If the answers equal a variant on all of those
    cases, that variant is named; if they equal none throughout (two mistakes at once, say), the variants that
    explain the most failed cases are.
    """
    found = []
    for name, (variant, hint) in exercise.misconceptions.items():
        equal, shows, seen = 0, 0, False
        for case, reply, right in sheet:
            wrong = run_quietly(variant, case.args)
            agrees = _equals(exercise, reply, wrong)
            seen |= agrees and wrong is not None
            if wrong is None or not same(wrong, right, exercise.rtol, exercise.atol):
                shows += 1
                equal += agrees
        if equal and seen:  # raising where a variant raises is not enough: some arrays must agree
            found.append(Recognised(name, hint, equal, shows))
    whole = [one for one in found if one.cases == one.of]
    most = max((one.cases for one in found), default=0)
    return whole or [one for one in found if one.cases == most]


def _equals(exercise, reply, wrong):
    """Whether a reply is what a wrong variant gives (`wrong` None: the variant raises there)."""
    if wrong is None:
        return reply.cause == "exception"
    return reply.arrays is not None and same(reply.arrays, wrong, exercise.rtol, exercise.atol)


def rounded(points):
    """Points as they are shown and stored: two decimals, and never full marks by rounding."""
    return math.floor(points * 100 + 1e-6) / 100
