"""What a learner gets to read: one result, as a dict, as plain text, for the terminal, for a notebook."""

import html
from dataclasses import dataclass

from .. import __version__
from .exercise import RUNGS, Exercise
from .judge import rounded

FORMAT = 1


@dataclass
class Report:
    """The outcome of one check. It prints itself: `print(report)`, `report.rich()`, HTML in a notebook."""

    exercise: Exercise
    cases: list
    recognised: list
    seed: int
    sandbox: str
    rungs: int = 0
    output: str = ""
    output_cut: int = 0
    path: str | None = None
    sha256: str | None = None
    seconds: float = 0.0

    @property
    def points(self):
        return rounded(sum(case.points for case in self.cases))

    @property
    def max_points(self):
        return self.exercise.points

    @property
    def passed(self):
        return bool(self.cases) and all(case.passed for case in self.cases)

    @property
    def untouched(self):
        """True when nothing has been written yet: the stub still raises NotImplementedError everywhere."""
        return bool(self.cases) and all(case.cause == "not-implemented" for case in self.cases)

    @property
    def hints(self):
        """The rungs of the ladder that this report shows, as (name, text); none when it passed."""
        if self.passed or self.untouched:
            return []
        return list(zip(RUNGS, self.exercise.hints))[: max(0, self.rungs)]

    @property
    def headline(self):
        state = "passed" if self.passed else "nothing written yet" if self.untouched else "not yet"
        return f"{self.exercise.slug}: {state}, {self.points:g} of {self.max_points} points"

    @property
    def footer(self):
        parts = [
            f"seed {self.seed}",
            f"sandbox: {self.sandbox}",
            f"{self.seconds:.1f} s",
            f"minattn {__version__}",
        ]
        if self.sha256:
            parts.append(f"sha256 {self.sha256[:12]}")
        return " | ".join(parts)

    @property
    def printed(self):
        """What the submission printed, with a note about what was cut."""
        cut = f"\n({self.output_cut} more not shown)" if self.output_cut else ""
        return (self.output.rstrip() + cut).strip("\n")

    @property
    def remarks(self):
        """(title, text) of everything below the table of cases."""
        found = [(f"looks like: {words(one.name)}", one.hint) for one in self.recognised]
        found += [(f"hint ({name})", text) for name, text in self.hints]
        if self.untouched:
            found.append(
                ("start", f"write the body of `{self.exercise.function}` in {self.path or 'a cell'}")
            )
        if self.printed:
            found.append(("your output", self.printed))
        return found

    def to_dict(self):
        """Plain values for JSON; with `seed` and `sha256` it is enough to grade the same file again."""
        return {
            "format": FORMAT,
            "slug": self.exercise.slug,
            "title": self.exercise.title,
            "lesson": self.exercise.lesson,
            "passed": self.passed,
            "points": self.points,
            "max_points": self.max_points,
            "cases": [
                {
                    "name": case.name,
                    "passed": case.passed,
                    "points": round(case.points, 4),
                    "max_points": round(case.max_points, 4),
                    "cause": case.cause,
                    "message": case.message,
                    "seconds": round(case.seconds, 4),
                }
                for case in self.cases
            ],
            "recognised": [vars(one) for one in self.recognised],
            "hints": [{"rung": name, "text": text} for name, text in self.hints],
            "output": self.printed,
            "seed": self.seed,
            "sandbox": self.sandbox,
            "path": self.path,
            "sha256": self.sha256,
            "seconds": round(self.seconds, 3),
            "version": __version__,
        }

    def __str__(self):
        lines = [self.headline]
        for case in self.cases:
            mark = "ok  " if case.passed else "FAIL"
            why = "" if case.passed else f": {case.cause}: {case.message}"
            lines.append(f"  {mark} {case.name}{why}")
        for title, text in self.remarks:
            lines += [f"{title}:"] + ["  " + line for line in text.splitlines()]
        return "\n".join([*lines, self.footer])

    __repr__ = __str__

    def rich(self):
        """A renderable for `rich.console.Console().print`."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
        for column in ({"no_wrap": True}, {}, {"justify": "right", "no_wrap": True}, {"ratio": 1}):
            table.add_column(**column)
        for case in self.cases:
            mark = Text("ok", "green") if case.passed else Text("no", "bold red")
            why = Text() if case.passed else Text.assemble((case.cause, "red"), f" {case.message}")
            table.add_row(mark, Text(case.name), Text(f"{case.points:.3g}/{case.max_points:.3g}", "dim"), why)
        colour = "bold green" if self.passed else "bold yellow"
        parts = [Text(self.headline, colour), Padding(table, (0, 0, 0, 2))]
        for title, text in self.remarks:
            parts += [Text(title, "bold cyan"), Padding(Text(text), (0, 0, 0, 2))]
        return Group(*parts, Text(self.footer, "dim"))

    def _repr_html_(self):
        """The same as a small table for a notebook, in its own colours, light or dark."""
        rows = "".join(
            f"<tr><td>{'&#10003;' if case.passed else '&#10007;'}</td><td>{html.escape(case.name)}</td>"
            f"<td>{case.points:.3g}/{case.max_points:.3g}</td>"
            f"<td style='text-align:left'>{_why(case)}</td></tr>"
            for case in self.cases
        )
        remarks = "".join(
            f"<p><b>{html.escape(title)}</b></p><pre style='white-space:pre-wrap'>{html.escape(text)}</pre>"
            for title, text in self.remarks
        )
        return (
            f"<div><p><b>{html.escape(self.headline)}</b></p><table>{rows}</table>{remarks}"
            f"<p style='opacity:.6'>{html.escape(self.footer)}</p></div>"
        )


def _why(case):
    return "" if case.passed else f"<code>{case.cause}</code> {html.escape(case.message)}"


def words(name):
    """The name of a misconception as words."""
    return name.replace("_", " ")
