"""Values as lines and bars: over steps, over groups, of rivals."""

import numpy as np

from minattn.errors import ShapeError
from minattn.plots import style


def curves(ax, series, *, xlabel="step", ylabel="loss (nats)", title=None, log=False, rulers=None):
    """One line for each entry.

    series    dict from label to y (n,) or to a pair (x (n,), y (n,)); without x, places are 1 .. n
    log       logarithmic y axis
    rulers    dict from label to a number: thin horizontal lines to compare with

    Raises ShapeError if x and y differ in length.
    """
    ax = style.axes("curves", ax)
    for (label, values), (colour, line, _) in zip(style.series("curves", series).items(), style.looks()):
        pair = isinstance(values, tuple) and len(values) == 2
        y = style.numbers("curves", repr(label), values[1] if pair else values, 1)
        x = style.numbers("curves", f"x of {label!r}", values[0] if pair else np.arange(1, len(y) + 1), 1)
        if len(x) != len(y):
            raise ShapeError(
                "plots.curves",
                expected=f"{len(y)} places for {label!r}",
                got=len(x),
                hint="(x, y) of one length",
            )
        ax.plot(x, y, line, color=colour, label=label, linewidth=1.6)
    if log:
        ax.set_yscale("log")
    style.dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    _rulers(ax, rulers)
    ax.legend(frameon=False)
    return ax


def lines_by_group(ax, series, *, xlabel="source words", ylabel="exact match", title=None, limits=(0, 1)):
    """One line for each entry over groups in a row, such as accuracy by sentence length.

    series    dict from label to a dict from group to number; the groups stand in the order of
              the first entry, a group that an entry has not leaves a gap
    limits    (lowest, highest) of the y axis, or None
    """
    ax, series = style.axes("lines_by_group", ax), style.series("lines_by_group", series)
    groups = list(dict.fromkeys(group for values in series.values() for group in values))
    for (label, values), (colour, line, marker) in zip(series.items(), style.looks()):
        y = [style.numbers("lines_by_group", repr(label), values.get(group, np.nan), 0) for group in groups]
        ax.plot(range(len(groups)), y, line, marker=marker, color=colour, label=label, linewidth=1.6)
    ax.set_xticks(range(len(groups)), [str(group) for group in groups])
    if limits:
        margin = 0.03 * (limits[1] - limits[0])
        ax.set_ylim(limits[0] - margin, limits[1] + margin)
    style.dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend(frameon=False)
    return ax


def bars(ax, values, *, ylabel="", title=None, rulers=None, digits=2):
    """One bar for each entry, its value above it; of several values (seeds) the mean, each value as a dot.

    values    dict from label to a number or to (n,) numbers
    rulers    dict from label to a number: thin horizontal lines to compare with
    digits    decimals of the printed values
    """
    ax = style.axes("bars", ax)
    entries = style.series("bars", values).items()
    for place, ((label, value), (colour, _, _)) in enumerate(zip(entries, style.looks())):
        value = style.numbers("bars", repr(label), np.atleast_1d(value), 1)
        ax.bar(place, value.mean(), width=0.65, color=colour)
        if len(value) > 1:
            ax.plot([place] * len(value), value, "o", color="white", markeredgecolor="black", markersize=4)
        top = max(value.max(), 0)
        ax.annotate(
            f"{value.mean():.{digits}f}",
            (place, top),
            xytext=(0, 4 if len(value) == 1 else 7),
            textcoords="offset points",
            ha="center",
        )
    ax.set_xticks(range(len(values)), [str(label) for label in values])
    ax.margins(y=0.12)
    style.dress(ax, title=title, ylabel=ylabel)
    _rulers(ax, rulers)
    return ax


def _rulers(ax, rulers):
    """Thin lines with their labels at the right side, moved apart where they would overlap."""
    rulers = sorted((rulers or {}).items(), key=lambda item: item[1])
    for _, value in rulers:
        ax.axhline(value, color=style.GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0.5)
    ax.get_ylim()  # brings limits up to date that lines drawn just now have left behind
    to_share = (ax.transData + ax.transAxes.inverted()).transform  # data -> share of the axis
    free = -np.inf  # the lowest place at which the next label may stand
    for label, value in rulers:
        place = max(to_share((0, value))[1], free)
        free = place + 0.055
        ax.annotate(
            label,
            (1.02, place),
            xycoords="axes fraction",
            va="center",
            color=style.GREY,
            annotation_clip=False,
        )
