"""8. Checked exercises: a trusted grader, a worker that knows no answer, hints for known mistakes.

Reading order: `exercise` (what an exercise is), one file of `checks/`, `compare` and `judge` (what is said
about an answer), `frames`, `worker`, `process`, `engine` (how a file is run without trusting it), `report`,
`progress`.

    check("softmax", my_softmax)     in a notebook
    check_file("softmax")            the file of the checkout, in its own process
"""

from .engine import CAUSES, Limits, grade
from .exercise import Case, Exercise
from .files import check_and_record, check_file, exercise_path
from .notebook import check
from .progress import Progress
from .registry import exercises, find, lessons
from .report import Report

__all__ = [
    "CAUSES",
    "Case",
    "Exercise",
    "Limits",
    "Progress",
    "Report",
    "check",
    "check_and_record",
    "check_file",
    "exercise_path",
    "exercises",
    "find",
    "grade",
    "lessons",
]
