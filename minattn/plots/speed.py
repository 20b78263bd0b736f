"""Pictures of speed: times beside each other, as sizes double, and what a whole is made of."""

import numpy as np

from minattn.errors import ArgumentError
from minattn.plots import style
from minattn.plots.canvas import matplotlib


def relative_times(ax, times, *, base, title=None):
    """A line for each workload; a mark for each contender at its time divided by that of `base`.

    times   dict from workload to a dict from contender to a time; a contender may be absent
    base    the contender at 1, drawn as a line; to its right are the slower ones
    The axis is logarithmic. Raises ArgumentError where a workload has no `base`.
    """
    ax, times = style.axes("relative_times", ax), style.series("relative_times", times)
    for workload, row in times.items():
        if base not in row:
            raise ArgumentError(
                "plots.relative_times",
                expected=f"{base!r} in {workload!r}",
                got=list(row),
                hint="leave it out",
            )
    others = [n for n in dict.fromkeys(name for row in times.values() for name in row) if n != base]
    ax.axvline(1, color="black", linewidth=1.4, label=base)
    for name, (colour, _, marker) in zip(others, style.looks()):
        places = [(row[name] / row[base], -n) for n, row in enumerate(times.values()) if name in row]
        ax.plot(*zip(*places), marker, color=colour, label=name, markersize=7, alpha=0.85)
    ax.set_xscale("log")
    _plain_ticks(ax.xaxis, [row[n] / row[base] for row in times.values() for n in row])
    ax.set_yticks([-n for n in range(len(times))], list(times))
    ax.set_ylim(-len(times) + 0.4, 0.6)
    style.dress(ax, title=title, xlabel=f"time / time of {base}   (right of the line: slower)")
    ax.grid(True, axis="x", color=style.GREY, alpha=0.25, linewidth=0.6)
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4)
    return ax


def _plain_ticks(axis, values):
    """Ticks like 0.5, 1, 2, 5, 10 on a logarithmic axis, around `values`."""
    ticker = matplotlib("ticker")
    steps = [m * 10.0**e for e in range(-3, 6) for m in (1, 2, 5)]
    axis.set_major_locator(ticker.FixedLocator([s for s in steps if min(values) / 2 < s < max(values) * 2]))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def doubling(ax, series, *, xlabel="T, tokens", ylabel="time, ms", title=None):
    """Lines over sizes that double, both axes logarithmic: the slope is the power with which a thing grows.

    series   dict from label to (x (n,), y (n,)), all above 0
    """
    ax, series = style.axes("doubling", ax), style.series("doubling", series)
    sizes = sorted({x for places, _ in series.values() for x in places})
    for (label, (x, y)), (colour, line, marker) in zip(series.items(), style.looks()):
        y = style.numbers("doubling", repr(label), y, 1)
        ax.plot(
            x,
            np.maximum(y, 1e-9),
            line,
            marker=marker,
            color=colour,
            label=label,
            linewidth=1.6,
            markersize=5,
        )
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.xaxis.set_minor_locator(matplotlib("ticker").NullLocator())
    style.dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend(frameon=False)
    return ax


def stacked_bars(ax, parts, *, xlabel="", title=None, digits=2):
    """A horizontal bar for each label, made of its parts; the first label on top, the sum beside its bar.

    parts   dict from label to a dict from part to a number >= 0
    """
    ax, parts = style.axes("stacked_bars", ax), style.series("stacked_bars", parts)
    names = list(dict.fromkeys(name for row in parts.values() for name in row))
    places, ends = -np.arange(len(parts)), np.zeros(len(parts))
    for name, (colour, _, _) in zip(names, style.looks()):
        values = np.array([row.get(name, 0.0) for row in parts.values()], dtype=float)
        ax.barh(places, values, left=ends, height=0.7, color=colour, label=name)
        ends = ends + values
    for place, end in zip(places, ends):
        ax.annotate(f"{end:.{digits}f}", (end, place), xytext=(4, 0), textcoords="offset points", va="center")
    ax.set_yticks(places, [str(label) for label in parts])
    ax.margins(x=0.1)
    style.dress(ax, title=title, xlabel=xlabel)
    ax.grid(False, axis="y")
    ax.grid(True, axis="x", color=style.GREY, alpha=0.25, linewidth=0.6)
    ax.legend(frameon=False, loc="lower right")
    return ax
