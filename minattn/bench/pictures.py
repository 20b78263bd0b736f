"""The figures as charts, drawn by minattn.plots."""

import numpy as np

from .. import plots
from .contenders import OURS


def ratios(figures, path):
    """Every contender's time beside that of minattn numba, a line for each workload. Returns the path."""
    races = [found for found in figures["races"].values() if OURS in found["rows"]]
    times = {f["title"]: {name: row["median"] for name, row in f["rows"].items()} for f in races}
    fig, ax = plots.figure(width=9, height=1.6 + 0.36 * len(times))
    plots.relative_times(ax, times, base=OURS)
    return plots.save(fig, path)


UNITS = {"growth": "time, ms", "memory": "peak memory besides the inputs, MB"}


def growth(figures, path):
    """Time and memory over T: a row for each of the two, a column for each workload. Returns the path."""
    parts = [part for part in UNITS if figures[part]]
    names = list(dict.fromkeys(name for part in parts for name in figures[part]))
    fig, axes = plots.figure(len(parts), len(names), width=4.8 * len(names), height=3.6 * len(parts))
    panels = ((part, name) for part in parts for name in names)
    for ax, (part, name) in zip(np.ravel(axes), panels):
        of = figures[part][name]["of"]
        lines = {label: ([int(t) for t in values], list(values.values())) for label, values in of.items()}
        plots.doubling(ax, lines, ylabel=UNITS[part], title=name.replace("-", " "))
    return plots.save(fig, path)


def profile(rows, title, path):
    """A bar for each operation, forward and backward in a row. Returns the path."""
    seen = [row for row in rows if row["share"] >= 0.005]
    parts = {row["operation"]: {p: row[p] for p in ("forward", "backward")} for row in seen}
    fig, ax = plots.figure(width=8, height=1.2 + 0.3 * len(parts))
    plots.stacked_bars(ax, parts, xlabel="ms a step", title=title)
    return plots.save(fig, path)
