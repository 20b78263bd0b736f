"""What a paper's row is made of.

A row is one file: `PAPER = Paper(...)` and these functions.

    world(seed)                     data whose truth is known
    arms(world)                     {name: Arm}: the mechanism and its fair rivals
    fit(arm, world, lr, seed, label)   a trained model
    measure(model, world, arm)      {metric: number} of one trained arm
    holds(seeds)                    [Check]: the claim as inequalities over means; `seeds` is a list of
                                    {arm: {metric: number}}, one a seed
    exact()                         {fact: bool}: what is true without training
    draw(figure, run)               the picture of one run

Mechanisms live in attention/, models/, training/, where others can use them; a row holds the experiment only.
"""

import difflib
import importlib
import operator
import pkgutil
from dataclasses import dataclass

from ..errors import ArgumentError
from ..training import Arm as Arm  # rows take it from here

VERDICTS = ("shown", "partly shown", "mechanism only", "not shown")
RELATIONS = {">=": operator.ge, "<=": operator.le, "==": operator.eq}
PARTS = ("world", "arms", "fit", "measure", "holds", "exact", "draw")


@dataclass(frozen=True)
class Paper:
    """The facts of a row.

    number, title, year, arxiv   as in the index of papers
    family, slot, lesson         where it belongs
    claim                        the paper's central claim, in one sentence
    choose                       the metric that chooses each arm's learning rate ("-loss": smaller is better)
    budget_s                     seconds that one seed of all arms may take on two cores
    tune                         seeds on which learning rates are chosen; never those that are reported
    part                         which part of the central claim the miniature can show, if not all of it
    note                         what came out otherwise than the paper or the design of the row says, and why
    """

    number: int
    title: str
    year: int
    arxiv: str
    family: str
    slot: str
    lesson: str
    claim: str
    choose: str
    budget_s: float
    tune: tuple = (100, 101)
    part: str = ""
    note: str = ""


@dataclass(frozen=True)
class Check:
    """One named inequality with the number that was measured."""

    name: str
    value: float
    relation: str
    bound: float

    @property
    def ok(self):
        return RELATIONS[self.relation](self.value, self.bound)

    def __str__(self):
        return f"{self.name} = {self.value:.3f} {self.relation} {self.bound:g}: {'yes' if self.ok else 'NO'}"


def at_least(name, value, bound):
    """The check value >= bound."""
    return Check(name, float(value), ">=", bound)


def at_most(name, value, bound):
    """The check value <= bound."""
    return Check(name, float(value), "<=", bound)


def exactly(name, value, bound):
    """The check value == bound."""
    return Check(name, float(value), "==", bound)


def mean(seeds, arm, metric):
    """The mean over seeds of one arm's metric."""
    return sum(m[arm][metric] for m in seeds) / len(seeds)


def verdict(paper, checks):
    """shown: all inequalities hold; partly shown: some do, or the row can show only a part; or not shown."""
    held = sum(check.ok for check in checks)
    if not checks:
        return "mechanism only"
    if held == len(checks):
        return "partly shown" if paper.part else "shown"
    return "partly shown" if held else "not shown"


@dataclass(frozen=True)
class Row:
    """A paper with its slug and the module that holds its functions."""

    slug: str
    module: object

    @property
    def paper(self):
        return self.module.PAPER

    def __getattr__(self, name):
        return getattr(self.module, name)


def rows():
    """Every row, by number, found by walking this folder."""
    found = []
    package = importlib.import_module(__package__)
    for info in pkgutil.walk_packages(package.__path__, __package__ + "."):
        if not info.ispkg and info.name.count(".") == 3:
            module = importlib.import_module(info.name)
            if hasattr(module, "PAPER"):
                found.append(Row(info.name.rsplit(".", 1)[1].replace("_", "-"), module))
    return sorted(found, key=lambda row: row.paper.number)


def find(slug):
    """The row of `slug`. Raises ArgumentError, with near matches, for a name that no row has."""
    known = {row.slug: row for row in rows()}
    slug = slug.replace("_", "-")
    if slug not in known:
        near = difflib.get_close_matches(slug, known, n=3)
        raise ArgumentError(
            f"paper {slug!r}",
            expected="the slug of a row: " + ", ".join(known),
            got=slug,
            hint=f"minattn run {near[0]}" if near else "minattn papers",
        )
    return known[slug]
