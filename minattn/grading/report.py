"""What a learner gets to read: one result, as a dict, as plain text, for the terminal, for a notebook."""

import html
from dataclasses import dataclass

from .. import __version__
from .exercise import RUNGS, Exercise
from .judge import NOT_AN_ANSWER, rounded

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
    def wrong_try(self):
        """True when an answer was given and is not right: this is what climbs the hint ladder."""
        return any(case.cause is not None and case.cause not in NOT_AN_ANSWER for case in self.cases)

    @property
    def hints(self):
        """The rungs of the ladder that this report shows, as (name, text); none when no answer was wrong."""
        if not self.wrong_try:
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
    def common(self):
        """(cause, message) when all cases failed by the same one, so that it is said once; else None."""
        reasons = {(case.cause, case.message) for case in self.cases}
        return next(iter(reasons)) if len(reasons) == 1 and len(self.cases) > 1 and not self.passed else None

    @property
    def rows(self):
        """(case, cause, message) of the cases to list one by one."""
        return [] if self.common else [(case, case.cause, case.message) for case in self.cases]

    @property
    def remarks(self):
        """(title, text) of everything below the table of cases."""
        found = [("every case", ": ".join(self.common))] if self.common and not self.untouched else []
        found += [(f"looks like: {words(one.name)}", one.hint) for one in self.recognised]
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
        for case, cause, message in self.rows:
            lines.append(f"  FAIL {case.name}: {cause}: {message}" if cause else f"  ok   {case.name}")
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
        for case, cause, message in self.rows:
            mark = Text("no", "bold red") if cause else Text("ok", "green")
            why = Text.assemble((cause, "red"), f" {message}") if cause else Text()
            table.add_row(mark, Text(case.name), Text(f"{case.points:.3g}/{case.max_points:.3g}", "dim"), why)
        colour = "bold green" if self.passed else "bold yellow"
        parts = [Text(self.headline, colour), Padding(table, (0, 0, 0, 2))]
        for title, text in self.remarks:
            parts += [Text(title, "bold cyan"), Padding(Text(text), (0, 0, 0, 2))]
        return Group(*parts, Text(self.footer, "dim"))

    def _repr_html_(self):
        """The same as a small table for a notebook, in its own colours, light or dark."""
        rows = "".join(
            f"<tr><td>{'&#10007;' if cause else '&#10003;'}</td><td>{html.escape(case.name)}</td>"
            f"<td>{case.points:.3g}/{case.max_points:.3g}</td><td style='text-align:left'>"
            f"{f'<code>{cause}</code> {html.escape(message)}' if cause else ''}</td></tr>"
            for case, cause, message in self.rows
        )
        remarks = "".join(
            f"<p><b>{html.escape(title)}</b></p><pre style='white-space:pre-wrap'>{html.escape(text)}</pre>"
            for title, text in self.remarks
        )
        return (
            f"<div><p><b>{html.escape(self.headline)}</b></p><table>{rows}</table>{remarks}"
            f"<p style='opacity:.6'>{html.escape(self.footer)}</p></div>"
        )


def words(name):
    """The name of a misconception as words."""
    return name.replace("_", " ")
