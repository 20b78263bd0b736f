"""`minattn doctor`: what this machine offers, what is wrong, and what can be mended."""

import json

import click

MARKS = {"good": ("ok", "green"), "absent": ("--", "yellow"), "broken": ("NO", "bold red")}


@click.command()
@click.option("--fix", is_flag=True, help="Mend a broken kernel cache and an unreadable progress file.")
@click.option("--warm", is_flag=True, help="Compile all Numba kernels now; nothing waits for them later.")
@click.option(
    "--kernels", is_flag=True, help="Take one small training step; say which kernels ran, and why not."
)
@click.option("--json", "as_json", is_flag=True, help="Print facts and findings as JSON.")
@click.pass_context
def doctor(ctx, fix, warm, kernels, as_json):
    """Say what this machine offers: versions, backends and why not, BLAS, GPU, caches, folders.

    `ok` works, `--` is absent and not needed, `NO` is broken. The line to type stands beside each.
    Exit code 0, or 1 where something is broken (with --fix: still broken).

    \b
    Examples:
      minattn doctor
      minattn doctor --fix
      minattn doctor --warm
      minattn doctor --kernels
    Next: minattn tour
    """
    from .health import examine

    findings = examine()
    mended = [(f.name, f.mend()) for f in findings if fix and f.mend]
    if warm:
        compile_all()
    if kernels:
        take_step()
    if warm or mended:
        findings = examine()
    if as_json:
        click.echo(json.dumps(_plain(findings, mended), indent=1))
    else:
        if kernels:
            _print_kernels()
        _print(findings, mended)
    ctx.exit(1 if any(f.state == "broken" for f in findings) else 0)


def compile_all():
    """Compile every kernel ahead of time behind one progress line on stderr."""
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    from .kernels import warm

    console = Console(stderr=True)
    with Progress(*Progress.get_default_columns()[:3], TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("compiling kernels", total=None)
        total = 0
        for done, total, name in warm():
            bar.update(task, total=total, completed=done, description=f"compiling {name}")
        bar.update(
            task, total=max(total, 1), completed=max(total, 1), description=f"{total} primitives compiled"
        )


def take_step():
    """One small training step with the backend in use; with numba where that is numpy."""
    from .. import backends
    from .kernels import numba_missing, small_step

    name = backends.current()
    with backends.using("numba" if name == "numpy" and not numba_missing() else name):
        small_step()


def _print_kernels():
    from rich.console import Console
    from rich.table import Table

    from ..backends import dispatch

    table = Table("operation", "part", "backend", "calls", "declined", box=None, pad_edge=False)
    for row in dispatch.table():
        if row["calls"] or row["declined"]:
            reasons = "; ".join(f"{count} x {reason}" for reason, count in row["declined"].items())
            table.add_row(row["operation"], row["part"], row["backend"], str(row["calls"]), reasons)
    Console().print(table if table.row_count else "no kernel ran: every operation was array code")


def _plain(findings, mended):
    from .. import backends

    rows = [{"name": f.name, "state": f.state, "says": f.says, "hint": f.hint} for f in findings]
    return {
        "healthy": all(f.state != "broken" for f in findings),
        "facts": backends.report(),
        "findings": rows,
        "mended": [{"name": name, "says": says} for name, says in mended],
    }


def _print(findings, mended):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in findings:
        mark, style = MARKS[one.state]
        says = Text(one.says)
        if one.hint:
            says.append("  " + one.hint, "cyan")
        table.add_row(Text(mark, style), Text(one.name, "bold"), says)
    console = Console()
    console.print(table)
    for name, says in mended:
        console.print(Text.assemble(("mended ", "bold green"), f"{name}: {says}"))
    fixable = [one for one in findings if one.mend]
    console.print(Text(f"Next: minattn {'doctor --fix' if fixable else 'tour'}", "dim"))
