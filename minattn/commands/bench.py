"""`minattn bench`: minattn's backends side by side with PyTorch, where it is installed."""

import json

import click


@click.command()
@click.option("--quick", is_flag=True, help="Only the two short sizes, three rounds.")
@click.option(
    "--out", type=click.Path(dir_okay=False), help="Also write the figures and the machine as JSON."
)
def bench(quick, out):
    """Time causal attention, forward and backward, on every backend here and on PyTorch if installed.

    Results are compared before they are timed. The contenders take turns; compiling never counts. Shown:
    the median in ms (quartiles), and how many times faster than PyTorch.

    \b
    Examples:
      minattn bench --quick
      minattn bench --out bench.json
    Next: minattn doctor (versions, threads, which kernels ran)
    """
    from .. import backends
    from ..bench import timing, workloads

    found, sizes = {}, list(workloads.SIZES.items())[: 2 if quick else None]
    for name, size in sizes:
        found[name] = timing.summary(timing.measure(workloads.attention(size), rounds=3 if quick else 7))
        _print(name, size, found[name])
    if out:
        _write(out, {"attention": found, "machine": backends.report()})


def _write(path, figures):
    from ..errors import OutputError

    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
    except OSError as error:
        raise OutputError(
            "minattn bench --out", expected="a file that can be written", got=error, hint="another folder"
        ) from error


def _print(name, size, rows):
    click.echo(f"attention, {name}: (B, H, T, d) = {size}")
    for contender, ms in rows.items():
        ratio = f"  {rows['torch']['median'] / ms['median']:.2f} x" if "torch" in rows else ""
        click.echo(f"  {contender:8}{ms['median']:9.2f} ms  ({ms['low']:.2f} to {ms['high']:.2f}){ratio}")
