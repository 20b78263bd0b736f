"""A comparison as a table for the terminal."""

HEAD = ("mixer", "accuracy", "4x", "16x", "params", "state", "cost", "s", "rate")


def rich_table(comparison):
    """A rich Table: a line for each mixer."""
    from rich.table import Table
    from rich.text import Text

    task = comparison.task
    title = f"{comparison.name}: {task.title} ({task.length} tokens, {comparison.steps} steps)"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in HEAD:
        table.add_column(name, justify="left" if name == "mixer" else "right", no_wrap=True)
    for row in comparison.rows():
        table.add_row(*map(Text, cells(row, len(comparison.seeds))))
    return table


def cells(row, n_seeds):
    """The texts of one line; "not said" where a mixer does not say what it costs."""
    lengths = row["by length"]
    return (
        row["mixer"],
        f"{row['accuracy']:.3f}" + (f" ±{row['spread']:.3f}" if n_seeds > 1 else ""),
        f"{lengths[4]:.3f}",
        f"{lengths[16]:.3f}",
        f"{row['parameters']:,}",
        *(
            "not said" if row[name] is None else f"{row[name]:,}"
            for name in ("state floats", "multiply-adds a token")
        ),
        f"{row['seconds']:.1f}",
        f"{row['rate']:g}",
    )


NOTES = (
    "accuracy: mean and standard deviation over seeds; 4x, 16x: at so many times the length trained on",
    "state: floats carried from token to token; cost: multiply-adds of the mixer's core for one more token;",
    "both at the training length, over all layers; s: seconds of training",
)
