"""The line on stderr that shows how far a long command is."""


class Line:
    """What happens now, a bar, and a time; gone when the work is done.

    steps   all that there is to do
    left    show the time that is left, not the time that has passed
    """

    def __init__(self, steps, left=False):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        time = TimeRemainingColumn() if left else TimeElapsedColumn()
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), time)
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4)
        self.task = self.bar.add_task("starting", total=steps)

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *_):
        self.bar.stop()

    def tell(self, text, steps=0):
        """Say what happens now; `steps` are done."""
        self.bar.update(self.task, advance=steps, **({"description": text} if text else {}))
