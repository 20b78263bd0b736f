"""`minattn learn`: what is passed, and the door to the next lesson."""

import json
import os
import subprocess
import sys

import click

from .options import backend_option


def open_in_lab(path, root):
    """Start JupyterLab on a notebook and wait for it. Raises BackendMissing where it is not installed."""
    import importlib.util

    from ..backends import current
    from ..errors import BackendMissing

    if importlib.util.find_spec("jupyterlab") is None:
        raise BackendMissing(
            "minattn learn",
            expected="the package jupyterlab",
            got="no module named jupyterlab",
            hint=f'pip install -e ".[lab]", or minattn learn --no-open and open {path} in your editor',
        )
    command = [sys.executable, "-m", "jupyterlab", str(path)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab refuses otherwise; in a container root is the only user
    lab = subprocess.Popen(command, cwd=root, env={**os.environ, "MINATTN_BACKEND": current()})
    while True:
        try:
            return lab.wait()
        except KeyboardInterrupt:  # JupyterLab hears it too, and asks whether to stop: wait for its answer
            continue


@click.command()
@click.argument("which", metavar="[next|LESSON]", required=False)
@click.option("--no-open", is_flag=True, help="Print the notebook's path instead of opening it.")
@click.option("--json", "as_json", is_flag=True, help="Print lessons, exercises and progress as JSON.")
@backend_option
@click.pass_context
def learn(ctx, which, no_open, as_json):
    """Show the lessons, their exercises and what you have passed; open one in JupyterLab.

    LESSON is a number, a slug, or the slug of one of its exercises. `next` is the first lesson with an
    exercise that you have not passed.

    \b
    Examples:
      minattn learn
      minattn learn next
      minattn learn seq2seq-and-bahdanau --no-open
    Next: minattn check SLUG, for each exercise of the lesson
    """
    from ..grading import Progress
    from .lessons import checkout, choose, find_lessons, overview

    root, progress = checkout(), Progress()
    lessons = find_lessons(root)
    if progress.notice:
        click.echo(progress.notice, err=True)
    if as_json:
        click.echo(json.dumps([_plain(lesson, progress) for lesson in lessons], indent=1))
    elif which is None:
        from rich.console import Console

        console, following = Console(), choose(lessons, "next", progress)
        console.print(overview(lessons, progress))
        rest = (
            f"Next: minattn learn {following.slug}"
            if following
            else "All exercises passed. Next: minattn papers"
        )
        console.print(rest, style="dim")
    elif (lesson := choose(lessons, which, progress)) is None:
        click.echo("All exercises passed. Next: minattn papers")
    elif no_open:
        click.echo(lesson.path)
    else:
        ctx.exit(open_in_lab(lesson.path, root))


def _plain(lesson, progress):
    exercises = [
        {"slug": e.slug, "title": e.title, "points": progress.points(e.slug), "max_points": e.points,
         "passed": progress.passed(e.slug)}
        for e in lesson.exercises
    ]  # fmt: skip
    return {"number": lesson.number, "slug": lesson.slug, "title": lesson.title, "path": str(lesson.path),
            "exercises": exercises}  # fmt: skip
