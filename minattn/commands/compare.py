"""`minattn compare`: mixers that swap into one tiny transformer."""

import json
from pathlib import Path

import click

from .line import Line
from .options import backend_option

PICTURES = Path("minattn-runs")


@click.command()
@click.option("--task", metavar="NAME", default="mqar", show_default=True, help="What the mixers must do.")
@click.option(
    "--mixers",
    metavar="NAMES",
    default="softmax,window,linear,delta",
    show_default=True,
    help="Names with commas between, `all`, and classes of yours as mine.py:MyMixer.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="How many seeds.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps (default: those of the task).")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="One learning rate; none is chosen."
)
@click.option("--out", metavar="FILE.json", type=click.Path(dir_okay=False), help="Write every number.")
@click.option("--chart", metavar="FILE.png", type=click.Path(dir_okay=False), help="Where the picture goes.")
@backend_option
def compare(task, mixers, seeds, steps, rate, out, chart):
    """Train the same tiny transformer with each of some mixers, and see what each buys at what cost.

    Prints accuracy, parameters, floats of state, multiply-adds of one more token, and seconds; draws accuracy
    against state and against length, 1 to 16 times the length trained on. Each mixer chooses its learning
    rate on seeds that are not reported. A mixer of yours needs no registration: docs/mixers.md.

    \b
    Tasks: mqar, selective-copy, flip-flop, counting, kth-last, induction, passkey (needle),
           overwrite-recall, multi-document, char-lm
    Examples:
      minattn compare --task mqar --mixers softmax,window,linear --seeds 3
      minattn compare --task flip-flop --mixers softmax,mine.py:MyMixer
    Next: minattn papers --by taxonomy (every mixer and its place)
    """
    from rich.console import Console

    from .. import compare as comparing
    from ..compare import tables
    from ..compare.comparison import RATES

    names = [name.strip() for name in mixers.split(",") if name.strip()]
    given = dict(steps=steps, rates=(rate,) if rate else RATES)
    total = comparing.total_steps(task, names, range(seeds), **given)
    chart = Path(chart or (Path(out).with_suffix(".png") if out else PICTURES / f"compare-{task}.png"))
    _check_folders(out, chart)
    with Line(total, left=True) as line:
        found = comparing.compare(task, names, tuple(range(seeds)), tell=line.tell, **given)
    console = Console()
    console.print(tables.rich_table(found))
    for note in tables.NOTES:
        console.print(note, style="dim", highlight=False)
    if out:
        Path(out).write_text(json.dumps(found.to_dict(), indent=1) + "\n", encoding="utf-8")
        click.echo(f"numbers: {out}")
    _picture(found, chart)


def _check_folders(out, chart):
    """Find out before minutes of work whether the results can be kept."""
    from ..plots import writable_folder

    for file in filter(None, (out, chart)):
        writable_folder(Path(file).parent, "minattn compare --out")


def _picture(found, chart):
    from ..compare import pictures
    from ..errors import BackendMissing

    try:
        click.echo(f"picture: {pictures.draw(found, chart)}")
    except BackendMissing as missing:
        click.echo(f"no picture: {missing.hint}")
