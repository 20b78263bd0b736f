"""What an exercise is: reference, cases, recognised misconceptions, hints. One file each, in `checks/`."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError

RUNGS = ("nudge", "formula", "worked example")


@dataclass(frozen=True)
class Case:
    """One question: a public name, the arguments (arrays and plain values), its share of the points."""

    name: str
    args: tuple
    weight: float = 1.0


@dataclass(frozen=True)
class Exercise:
    """One function that a learner writes, and everything needed to check it.

    reference       the right answer; its name is the exercise's slug and the name of the function asked for
    title           one line
    position        place within the lesson, from 1
    points          full marks, shared out over the cases by weight
    difficulty      1 a few lines, 2 needs thought, 3 needs a derivation
    minutes         an honest guess
    cases           `cases(rng)` yields `Case`s with fresh inputs
    misconceptions  {name: (wrong variant of the reference, hint)}, at least 4
    hints           (nudge, formula, worked tiny example)
    outputs         names of the returned arrays; more than one means a tuple
    row_sums        True: rows (last axis) are weights, and a failed check speaks of their sums
    rtol, atol      |result - right| <= rtol |right| + atol max(1, largest |right|)
    seconds         time limit of one case
    """

    reference: Callable
    title: str
    position: int
    points: int
    difficulty: int
    minutes: int
    cases: Callable
    misconceptions: dict
    hints: tuple
    outputs: tuple = ("result",)
    row_sums: bool = False
    rtol: float = 1e-6
    atol: float = 1e-9
    seconds: float = 5.0

    def __post_init__(self):
        if len(self.misconceptions) < 4 or len(self.hints) != len(RUNGS):
            raise ArgumentError(
                f"Exercise({self.slug})",
                expected="at least 4 misconceptions and 3 hints",
                got=f"{len(self.misconceptions)} and {len(self.hints)}",
                hint="add wrong variants with a hint each; hints are nudge, formula, worked example",
            )

    @property
    def slug(self):
        return self.reference.__name__

    @property
    def function(self):
        """Name of the function that a submission must define."""
        return self.reference.__name__

    @property
    def lesson(self):
        """Slug of the lesson: the folder of the check, with dashes."""
        return self.reference.__module__.split(".")[-2:][0].replace("_", "-")

    def draw(self, seed):
        """The list of cases that one seed (a whole number from 0) gives; their arrays are read-only."""
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise ArgumentError(
                f"check of {self.slug}",
                expected="a seed: a whole number from 0",
                got=repr(seed),
                hint="leave it out to draw a new one; the report names it",
            )
        cases = list(self.cases(np.random.default_rng(seed)))
        for case in cases:
            for array in case.args:
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
        return cases


def closest(name, known):
    """What to try instead of an unknown name."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return "did you mean " + " or ".join(near) + "?" if near else "one of: " + ", ".join(known)
