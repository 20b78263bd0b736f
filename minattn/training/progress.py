"""One line that shows how far training is; nothing where nobody can see it move."""

import sys
import time
from contextlib import contextmanager


def _notebook():
    """True inside a Jupyter kernel, where a line can be redrawn although stdout is no terminal."""
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None


@contextmanager
def progress_line(label, steps, done=0, show=True):
    """`with progress_line(label, steps) as tell:` then tell(step, loss) after each step.

    label   what is trained
    steps   total number; `done` of them lie behind
    show    False: silent. Also silent where the output is neither a terminal nor a notebook
    The line is redrawn at most ten times a second.
    """
    if not show or not (sys.stderr.isatty() or _notebook()):
        yield lambda step, loss: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}  loss {task.fields[loss]:.3f}"),
        TextColumn("{task.fields[speed]:.1f} steps/s"),
        TimeRemainingColumn(),
    )
    start, drawn = time.perf_counter(), 0.0
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task(label or "training", total=steps, completed=done, loss=float("nan"), speed=0.0)

        def tell(step, loss):
            nonlocal drawn
            now = time.perf_counter()
            if now - drawn > 0.1 or step == steps:
                drawn = now
                bar.update(task, completed=step, loss=loss, speed=(step - done) / (now - start), refresh=True)

        yield tell
