"""`minattn bench`: minattn beside the other libraries that are installed, and where its own time goes."""

from pathlib import Path

import click

from .line import Line

PICTURES = Path("minattn-runs")


@click.command()
@click.option("--quick", is_flag=True, help="Four workloads, three rounds, PyTorch alone: under a minute.")
@click.option(
    "--only", metavar="NAME", multiple=True, help="Only this workload, or all that begin so; repeatable."
)
@click.option("--growth", is_flag=True, help="Only how time grows with T, from 128 to 8192.")
@click.option("--memory", is_flag=True, help="Only how peak memory grows with T.")
@click.option(
    "--profile", is_flag=True, help="Where a step's time goes, instead (of gpt-small, or --only NAME)."
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of each contender (default: every core)."
)
@click.option(
    "--out", metavar="FILE.json", type=click.Path(dir_okay=False), help="Write figures, tables, charts."
)
@click.option("--chart", metavar="FILE.png", type=click.Path(dir_okay=False), help="Where the chart goes.")
@click.pass_context
def bench(ctx, only, profile, threads, out, chart, **flags):
    """Time minattn beside PyTorch, JAX, autograd and tinygrad, where they are installed.

    Each contender works in a process of its own, with the same number of threads; they take turns. Results
    are compared before anything is timed; compiling never counts. Shown: medians and quartiles in ms.
    Without --quick, --only, --growth or --memory: everything, about ten minutes on two cores. With --out the
    figures go to FILE.json, the tables to FILE.md, the charts to FILE.png and FILE-growth.png. Exit code 0,
    or 1 where minattn itself could not take part or gave other results than the rest.

    \b
    Examples:
      minattn bench --quick
      minattn bench --only gpt-small --only attention
      minattn bench --profile --only lstm
      minattn bench --out tests/benchmarks/cpu.json
    Next: minattn doctor (versions, threads, which kernels ran)
    """
    from ..backends import threads as cores

    threads = threads or cores()
    if profile:
        _profile(only, threads, chart)
    else:
        ctx.exit(_race(only, flags, threads, out, chart))


def _race(only, flags, threads, out, chart):
    from ..bench import figures, pictures, tables

    asked = [part for part in ("growth", "memory") if flags[part]]
    runs = figures.plan(only, flags["quick"], asked or ("races", "growth", "memory"))
    if out:
        _check_folder(out)
    with _Line(sum(run.steps for run in runs)) as line:
        turn = 0.1 if flags["quick"] else 0.2
        found = figures.collect(runs, threads, turn, line.tell, line.show)
    if found["races"]:
        line.console.print(tables.rich_table(tables.HEAD, tables.summary_rows(found), "Beside the best peer"))
    if out:
        chart = chart or Path(out).with_suffix(".png")
        figures.save(found, out)
        Path(out).with_suffix(".md").write_text(tables.markdown(found), encoding="utf-8")
        click.echo(f"figures: {out}")
    if chart and found["races"]:
        click.echo(f"chart: {pictures.ratios(found, chart)}")
    if chart and (found["growth"] or found["memory"]):
        chart = Path(chart)
        click.echo(f"chart: {pictures.growth(found, chart.with_name(f'{chart.stem}-growth{chart.suffix}'))}")
    parts = (*found["races"].values(), *found["growth"].values(), *found["memory"].values())
    return 1 if any(name.startswith("minattn") for part in parts for name in part["absent"]) else 0


def _check_folder(out):
    """Find out before ten minutes of work whether the results can be kept."""
    from ..plots import writable_folder

    writable_folder(Path(out).parent, "minattn bench --out")


class _Line(Line):
    """The line, and above it the table of each race that is done."""

    def __init__(self, steps):
        from rich.console import Console

        super().__init__(steps)
        self.console = Console()

    def show(self, run, found):
        """Print what a run gave, and who did not take part."""
        from ..bench import tables

        title = f"{run.workload.name}: {run.workload.title}"
        if run.part == "races":
            self.console.print(tables.rich_table(tables.RACE_HEAD, tables.race_rows(found), title))
        else:
            values = found.get("MB") or {name: row["median"] for name, row in found["rows"].items()}
            said = ", ".join(f"{name} {tables.milliseconds(value)}" for name, value in values.items())
            unit = "MB" if run.part == "memory" else "ms"
            self.console.print(
                f"{run.workload.kind}, T = {run.workload.size['T']}, {unit}: {said}", highlight=False
            )
        for name, why in found["absent"].items():
            self.console.print(
                f"  {name} did not take part: {why}", style="yellow", highlight=False, markup=False
            )


def _profile(only, threads, chart):
    from rich.console import Console

    from ..bench import contenders, pictures, profile, race, tables, workloads

    for workload in workloads.chosen(only or ("gpt-small",)):
        here = contenders.present(workload.kind, ("minattn numba", "minattn numpy"))
        contender = here[-1]  # with numba where that is installed
        with race.Process(contender, threads) as process:
            process.build(workload)
            rows = process.profile(steps=10)
        title = f"{workload.title}, {contender.name}, {threads} threads"
        Console().print(tables.rich_table(profile.HEAD, profile.table_rows(rows), title))
        path = chart or PICTURES / f"profile-{workload.name}.png"
        click.echo(f"chart: {pictures.profile(rows, title, path)}")
