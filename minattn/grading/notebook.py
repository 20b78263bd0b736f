"""Check a function from inside a notebook: cases and feedback of `minattn check`, without the process.

Self-study only: the function runs where the reference is, so nothing is hidden from it, no time limit is kept
and no points are stored.
"""

import secrets
import time
from collections import Counter

import numpy as np

from ..errors import ArgumentError
from . import frames
from .judge import Reply, judge
from .registry import find
from .report import Report
from .worker import failure

_wrong_tries: Counter = Counter()  # the hint ladder of this session: slug -> failed checks


def check(slug, function, seed=None, hints=None):
    """Check `function` against the exercise `slug`, here in this process.

    slug       of the exercise, `-` or `_`
    function   what you wrote
    seed       of the inputs; None draws a new one
    hints      rungs of the hint ladder to show; None: one more after each failed check of this session
    Returns a `Report`, which a notebook shows as a table. Raises ArgumentError for an unknown slug or when
    `function` cannot be called.

        >>> from minattn.grading import check
        >>> check("context_vector", lambda weights, states: weights).passed
        False
    """
    exercise = find(slug)
    if not callable(function):
        raise ArgumentError(
            "check(slug, function)",
            expected="a function",
            got=type(function).__name__,
            hint=f'define it first, then check("{exercise.slug}", {exercise.function})',
        )

    def answer(args, seconds):
        return run_here(function, args)

    start = time.monotonic()
    seed = secrets.randbits(32) if seed is None else seed
    results, recognised = judge(exercise, seed, answer)
    sandbox = "none (self-check in this notebook; `minattn check` keeps the points)"
    report = Report(exercise, results, recognised, seed, sandbox, seconds=time.monotonic() - start)
    if report.wrong_try:
        _wrong_tries[exercise.slug] += 1
    report.rungs = _wrong_tries[exercise.slug] if hints is None else hints
    return report


def run_here(function, args):
    """Call the function on read-only copies and name the cause of what goes wrong."""
    copies = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]
    for copy in copies:
        if isinstance(copy, np.ndarray):
            copy.setflags(write=False)
    path = getattr(getattr(function, "__code__", None), "co_filename", "")
    try:
        return Reply(arrays=frames.as_arrays(function(*copies))[0])
    except frames.FrameError as error:
        return Reply(cause="wrong-type", message=error.detail)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        return Reply(**failure(error, path, importing=False))
