"""How all pictures look: colours, lines, frames; and the checks that they share."""

import itertools

import numpy as np

from minattn.errors import ArgumentError, DTypeError, ShapeError

# Okabe and Ito (2008): colours that stay apart for every kind of colour vision; their yellow is too pale.
COLOURS = dict(
    blue="#0072B2",
    orange="#E69F00",
    green="#009E73",
    red="#D55E00",
    sky="#56B4E9",
    pink="#CC79A7",
    black="#000000",
)
LINES, MARKERS = ("-", "--", "-.", ":"), ("o", "s", "^", "D", "v", "P", "X")
GREY, SEQUENTIAL, DIVERGING = "#777777", "Blues", "RdBu_r"


def looks():
    """Endless (colour, line style, marker); two neighbours share none of them, the first 28 differ."""
    return zip(itertools.cycle(COLOURS.values()), itertools.cycle(LINES), itertools.cycle(MARKERS))


def axes(where, ax):
    """`ax`, if one can draw into it."""
    if not (hasattr(ax, "plot") and hasattr(ax, "set_xlabel")):
        raise DTypeError(
            f"plots.{where}",
            expected="ax: matplotlib Axes",
            got=type(ax).__name__,
            hint="fig, ax = plots.figure()",
        )
    return ax


def numbers(where, name, values, ndim):
    """`values` as a non-empty float array with `ndim` axes."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DTypeError(
            f"plots.{where}", expected=f"{name}: numbers", got=repr(values)[:60], hint="tensor.numpy()"
        ) from None
    if array.ndim != ndim or not array.size:
        raise ShapeError(
            f"plots.{where}",
            expected=f"{name} with {ndim} axes, not empty",
            got=array.shape,
            hint="pick one: array[batch, head]",
        )
    return array


def labels(where, name, words, n):
    """`words` as a list of n strings."""
    words = [str(word) for word in words]
    if len(words) != n:
        raise ShapeError(
            f"plots.{where}", expected=f"{n} {name}", got=len(words), hint="one for each row or column"
        )
    return words


def series(where, values):
    """`values`, a dict with one entry or more."""
    if not isinstance(values, dict):
        raise DTypeError(
            f"plots.{where}",
            expected="a dict from label to values",
            got=type(values),
            hint='{"model": values}',
        )
    if not values:
        raise ArgumentError(
            f"plots.{where}", expected="one label or more", got="an empty dict", hint='{"model": values}'
        )
    return values


def dress(ax, *, title=None, xlabel=None, ylabel=None):
    """Open frame, light grid, labels."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    if title:
        ax.set_title(title)
    ax.set(xlabel=xlabel or "", ylabel=ylabel or "")
    return ax
