"""Matrices as pictures: attention maps beside the gold links, any other matrix."""

import numpy as np

from minattn.errors import ArgumentError
from minattn.plots import style
from minattn.plots.canvas import matplotlib


def heatmap(ax, values, *, rows=None, columns=None, names=("", ""), title=None, label="", limits=None):
    """A matrix; the darker the larger. Values of both signs get two colours, with white at 0.

    values           (R, C)
    rows, columns    words at the left side (R,) and below (C,)
    names            what the rows and what the columns are, as in ("query", "key")
    label            what the colours mean, with its unit
    limits           (lowest, highest) of the colour scale; from the values if not given; nan stays white

    Raises ShapeError if labels and matrix do not fit.
    """
    ax, values = style.axes("heatmap", ax), style.numbers("heatmap", "values", values, 2)
    if np.isnan(values).all():
        raise ArgumentError(
            "plots.heatmap", expected="a number", got="nan everywhere", hint="check the matrix"
        )
    low, high = limits or (np.nanmin(values), np.nanmax(values))
    signed = low < 0 < high
    if signed and limits is None:
        low, high = -max(-low, high), max(-low, high)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    image = ax.imshow(
        values, aspect="auto", cmap=style.DIVERGING if signed else style.SEQUENTIAL, vmin=low, vmax=high
    )
    for axis, words, n in ((ax.yaxis, rows, values.shape[0]), (ax.xaxis, columns, values.shape[1])):
        if words is not None:
            axis.set_ticks(range(n), style.labels("heatmap", "labels", words, n))
    if columns is not None and sum(len(str(word)) + 1 for word in columns) > 30:
        ax.tick_params(axis="x", rotation=60)
        for tick in ax.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.set(ylabel=names[0], xlabel=names[1], title=title or "")
    ax.figure.colorbar(image, ax=ax, label=label, fraction=0.05, pad=0.02).outline.set_visible(False)
    return ax


def alignment(ax, weights, source_words, target_words, links=None, *, title=None):
    """An attention map, with the gold links as boxes: a good map is dark inside the boxes and nowhere else.

    weights         (T, S), one row for each target word
    source_words    (S,)
    target_words    (T,)
    links           set of (target index, source index)

    Raises ShapeError if words and weights do not fit, ArgumentError for a link outside the map.
    """
    ax, weights = style.axes("alignment", ax), style.numbers("alignment", "weights", weights, 2)
    n_target, n_source = weights.shape
    rows = style.labels("alignment", "target words", target_words, n_target)
    columns = style.labels("alignment", "source words", source_words, n_source)
    heatmap(
        ax,
        weights,
        rows=rows,
        columns=columns,
        names=("target", "source (boxes: gold links)" if links else "source"),
        title=title,
        label="attention weight",
        limits=(0, max(1.0, weights.max())),
    )
    rectangle = matplotlib("patches").Rectangle
    for t, s in sorted(links or ()):
        if not (0 <= t < n_target and 0 <= s < n_source):
            raise ArgumentError(
                "plots.alignment",
                expected=f"links inside {n_target} target x {n_source} source words",
                got=(t, s),
                hint="(target index, source index)",
            )
        box = rectangle(
            (s - 0.46, t - 0.46), 0.92, 0.92, fill=False, edgecolor=style.COLOURS["red"], linewidth=1.6
        )
        ax.add_patch(box)
    return ax
