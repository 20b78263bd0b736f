"""`minattn check`: one exercise, checked in a process of its own."""

import json

import click


@click.command()
@click.argument("slug")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--seed", type=int, help="Draw the inputs of an earlier report again.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def check(ctx, slug, file, seed, as_json):
    """Check your answer to exercise SLUG, say what is wrong with it, and keep the points.

    FILE is exercises/LESSON/SLUG.py unless you name another. The file runs in a process of its own on fresh
    random inputs. A first failure gives a nudge, a second the formula, a third a worked example.
    Exit code 0: passed; 1: not yet; 2: could not be checked.

    \b
    Examples:
      minattn check softmax
      minattn check softmax my_softmax.py --seed 7
    Next: minattn learn (your progress, and the next lesson)
    """
    from ..grading import check_and_record

    report, progress = check_and_record(slug, file, seed)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=1))
    else:
        from rich.console import Console

        console = Console()
        console.print(report.rich())
        if progress.notice:
            console.print(progress.notice, style="yellow", markup=False)
        if report.passed:
            console.print("Next: minattn learn", style="dim")
    ctx.exit(0 if report.passed else 1)
