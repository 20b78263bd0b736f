"""The figures as charts, drawn by minattn.plots."""

from .. import plots
from .contenders import OURS


def ratios(figures, path):
    """Every contender's time beside that of minattn numba, a line for each workload. Returns the path."""
    races = [found for found in figures["races"].values() if OURS in found["rows"]]
    times = {f["title"]: {name: row["median"] for name, row in f["rows"].items()} for f in races}
    fig, ax = plots.figure(width=9, height=1.6 + 0.36 * len(times))
    plots.relative_times(ax, times, base=OURS)
    return plots.save(fig, path)


def growth(figures, path):
    """Time and memory over T, a panel for each measured. Returns the path."""
    panels = [
        (name, series, unit)
        for part, unit in (("growth", "ms"), ("memory", "MB"))
        for name, series in figures[part].items()
    ]
    fig, axes = plots.figure(1, len(panels), width=4.2 * len(panels), height=4)
    for ax, (name, series, unit) in zip(axes if len(panels) > 1 else [axes], panels):
        lines = {
            label: ([int(t) for t in values], list(values.values())) for label, values in series["of"].items()
        }
        what = "time, ms" if unit == "ms" else "peak memory besides the inputs, MB"
        plots.doubling(ax, lines, ylabel=what, title=name.replace("-", " "))
    return plots.save(fig, path)


def profile(rows, title, path):
    """A bar for each operation, forward and backward in a row. Returns the path."""
    seen = [row for row in rows if row["share"] >= 0.005]
    parts = {row["operation"]: {p: row[p] for p in ("forward", "backward")} for row in seen}
    fig, ax = plots.figure(width=8, height=1.2 + 0.3 * len(parts))
    plots.stacked_bars(ax, parts, xlabel="ms a step", title=title)
    return plots.save(fig, path)
