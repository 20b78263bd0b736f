"""`minattn papers` and `minattn run`: the experiments behind the mechanisms."""

import json

import click

from .options import backend_option


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects with every recorded number.")
@click.option(
    "--by",
    type=click.Choice(["number", "taxonomy"]),
    default="number",
    show_default=True,
    help="taxonomy: the families of efficient attention, with the mixers that can be compared.",
)
def papers(as_json, by):
    """List the papers that can be run, with the verdict that was recorded for each.

    \b
    Examples:
      minattn papers
      minattn papers --by taxonomy
      minattn papers --json
    Next: minattn run SLUG, or minattn compare --mixers NAMES
    """
    from ..papers import summary

    if by == "taxonomy":
        _by_taxonomy(as_json)
        return
    rows = summary()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("number", "slug", "title", "family", "verdict", "seconds"):
        table.add_column(name, justify="right" if name in ("number", "seconds") else "left")
    for row in rows:
        verdict = row["verdict"] or "not run yet"
        seconds = "" if row["seconds"] is None else f"{row['seconds']:g}"
        cells = (str(row["number"]), row["slug"], row["title"], row["family"], verdict, seconds)
        table.add_row(*map(Text, cells))
    console = Console()
    console.print(table)
    console.print("Next: minattn run SLUG", style="dim")


def _by_taxonomy(as_json):
    from ..papers.taxonomy import taxonomy

    kinds = taxonomy()
    if as_json:
        click.echo(json.dumps(kinds, indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("family", "kind", "mixers", "papers", "what it does"):
        table.add_column(name)
    family = None
    for kind in kinds:
        first = kind["family"] if kind["family"] != family else ""
        family = kind["family"]
        cells = (first, kind["kind"], ", ".join(kind["mixers"]), "\n".join(kind["papers"]), kind["meaning"])
        table.add_row(*map(Text, cells))
    console = Console()
    console.print(table)
    console.print("Next: minattn compare --mixers NAMES", style="dim")


@click.command()
@click.argument("slug")
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="How many seeds.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder of the picture (default minattn-runs).")
@click.option("--record", is_flag=True, help="Choose learning rates anew; write results and atlas.")
@backend_option
@click.pass_context
def run(ctx, slug, seeds, out, record):
    """Train the mechanism of paper SLUG and its fair rivals, measure them, and judge the claim.

    Prints the claim, every arm with its numbers, each inequality, the verdict and the seconds, and saves a
    picture. SLUG may be `all`. Exit code 0, or 1 where a verdict is `not shown`.

    \b
    Examples:
      minattn run cope
      minattn run luong-attention --seeds 3 --backend numba
    Next: minattn papers, or open the row's file: it is short
    """
    from .. import papers

    slugs = [row.slug for row in papers.rows()] if slug == "all" else [slug]
    verdicts = [papers.run(one, tuple(range(seeds)), out, record, click.echo)[0]["verdict"] for one in slugs]
    if record:
        click.echo(f"atlas: {papers.make_atlas()}")
    ctx.exit(1 if "not shown" in verdicts else 0)
