"""The lessons of a checkout: found by walking, chosen by name, shown with progress."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lesson:
    """A notebook and the exercises that belong to it."""

    number: int
    slug: str
    title: str
    path: Path
    exercises: list


def checkout():
    """The folder that holds lessons/: the current one, or the clone that minattn was installed from.

    Raises ArgumentError where there is none.
    """
    from ..errors import ArgumentError

    for root in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if any((root / "lessons").glob("*.ipynb")):
            return root
    raise ArgumentError(
        "minattn learn",
        expected="a clone of minattn, with its folders lessons/ and exercises/",
        got=f"no lessons/*.ipynb in {Path.cwd()} or beside the installed package",
        hint='clone the repository, then in it: pip install -e ".[lab]"',
    )


def find_lessons(root):
    """Every lesson, by walking lessons/NN_slug.ipynb; the notebooks alone say numbers and titles."""
    from ..grading import exercises
    from ..grading import lessons as with_exercises

    found = []
    for path in sorted((root / "lessons").glob("[0-9]*_*.ipynb")):
        number, _, slug = path.stem.partition("_")
        slug = slug.replace("_", "-")
        own = exercises(slug) if slug in with_exercises() else []
        found.append(Lesson(int(number), slug, _title(path) or slug, path, own))
    return found


def _title(path):
    """The first heading of a notebook."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for line in "".join(cell["source"]).splitlines():
            if line.startswith("# "):
                return line[2:].strip()
    return None


def choose(lessons, which, progress):
    """The lesson that `which` names: next, a number, a slug, or an exercise's slug. None: all is passed.

    Raises ArgumentError for a name that nothing has.
    """
    import difflib

    from ..errors import ArgumentError

    wanted = which.strip().lower().replace("_", "-")
    if wanted == "next":
        return next((one for one in lessons if _left(one, progress)), None)
    for lesson in lessons:
        names = {lesson.slug, str(lesson.number), f"{lesson.number:02}", lesson.path.stem.replace("_", "-")}
        if wanted in names or wanted in {e.slug.replace("_", "-") for e in lesson.exercises}:
            return lesson
    known = [lesson.slug for lesson in lessons]
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.4)
    raise ArgumentError(
        f"minattn learn {which}",
        expected="next, a lesson's number or slug, or an exercise: " + ", ".join(known),
        got=which,
        hint=f"minattn learn {near[0] if near else 'next'}",
    )


def _left(lesson, progress):
    """The exercises of a lesson that are not passed yet."""
    return [one for one in lesson.exercises if not progress.passed(one.slug)]


def overview(lessons, progress):
    """The table of lessons and exercises, for rich."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("", "right"), ("lesson", "left"), ("exercises", "left"), ("points", "right")):
        table.add_column(name, justify=justify)
    for lesson in lessons:
        names = Text()
        for one in lesson.exercises:
            done = progress.passed(one.slug)
            style = "green" if done else "yellow" if progress.touched(one.slug) else ""
            names.append(("\n" if names else "") + ("[x] " if done else "[ ] ") + one.slug, style)
        points = sum(progress.points(one.slug) for one in lesson.exercises)
        total = sum(one.points for one in lesson.exercises)
        title = Text.assemble((lesson.title, "bold"), ("\n" + lesson.slug, "dim"))
        table.add_row(str(lesson.number), title, names, f"{points:g}/{total}")
    return table
