"""Check the file of an exercise, by default the one in the checkout, and keep the points."""

import os
from pathlib import Path

from ..errors import ArgumentError
from .engine import grade
from .progress import Progress
from .registry import find

CHECKOUT = Path(__file__).resolve().parents[2]


def exercise_path(slug):
    """Where the checkout keeps the file of this exercise. Raises ArgumentError where there is no checkout."""
    exercise = find(slug)
    for root in (Path(), CHECKOUT):
        path = root / "exercises" / exercise.lesson / f"{exercise.slug}.py"
        if path.is_file():
            return path
    raise ArgumentError(
        f"check_file({exercise.slug!r})",
        expected=f"a file exercises/{exercise.lesson}/{exercise.slug}.py here or in minattn's checkout",
        got="neither",
        hint=f"work in a clone of minattn, or name your file: minattn check {exercise.slug} PATH",
    )


def check_file(slug, path=None, seed=None, hints=0):
    """Check one file in a process of its own.

    slug    of the exercise, `-` or `_`
    path    of the file (.py); None: exercises/<lesson>/<slug>.py of the checkout
    seed    of the inputs; None draws a new one, which the report names
    hints   rungs of the hint ladder that a failed report shows, 0 to 3
    Returns a `Report`. Raises ArgumentError for an unknown slug, a missing file or one that is not .py.
    """
    exercise = find(slug)
    path = exercise_path(slug) if path is None else Path(path)
    if not path.is_file() or path.suffix != ".py" or not os.access(path, os.R_OK):
        raise ArgumentError(
            f"check_file({exercise.slug!r})",
            expected="the path of a .py file that can be read",
            got=str(path),
            hint=f"write `{exercise.function}` in a .py file; in a notebook use minattn.grading.check",
        )
    return grade(exercise, path, seed=seed, hints=hints)


def check_and_record(slug, path=None, seed=None, progress=None):
    """`check_file`, then store the points and climb the hint ladder. Returns (Report, Progress).

    The first failed check shows the nudge, the second the formula too, the third the worked example too. A
    file in which nothing is written yet costs no try.
    """
    progress = Progress() if progress is None else progress
    report = check_file(slug, path, seed, hints=progress.wrong_tries(slug) + 1)
    progress.record(report)
    return report, progress
