"""Words on shades of colour: where in a text the weight lies."""

import numpy as np

from minattn.errors import ArgumentError
from minattn.plots import style
from minattn.plots.canvas import matplotlib


def text_weights(ax, words, weights, *, columns=60, space=" ", title=None):
    """A text; the darker the ground of a word, the larger its weight.

    words      (n,) words, or characters with space=""
    weights    (n,) numbers >= 0
    columns    characters in a line; longer texts are wrapped
    space      what stands between two words

    Raises ShapeError if there are not as many weights as words, ArgumentError for a negative weight.
    """
    ax = style.axes("text_weights", ax)
    weights = style.numbers("text_weights", "weights", weights, 1)
    words = style.labels("text_weights", "words", words, len(weights))
    if not (weights >= 0).all():
        raise ArgumentError(
            "plots.text_weights", expected="weights >= 0", got=np.min(weights), hint="np.abs(weights)"
        )
    if columns < 1:
        raise ArgumentError("plots.text_weights", expected="columns >= 1", got=columns, hint="columns=60")
    places = _wrap(words, columns, len(space))
    n_lines = places[-1][1] + 1
    shade, most = matplotlib("cm").ScalarMappable(cmap=style.SEQUENTIAL), weights.max()
    shade.set_clim(0, max(most, 1e-12) / 0.55)  # stop before the dark end, so that black words stay readable
    size, n_shown = _font_size(ax, columns, n_lines)
    for word, colour, place in zip(words, shade.to_rgba(weights), places):
        _draw(ax, word, colour, place, size)
    middle = n_lines / 2
    ax.set(xlim=(0, columns), ylim=(middle + n_shown / 2, middle - n_shown / 2), xticks=[], yticks=[])
    ax.set(title=title or "", xlabel=f"darkest = weight {most:.2g}")
    ax.spines[:].set_visible(False)
    return ax


def _wrap(words, columns, gap):
    """(column, line) where each word begins."""
    places, x, line = [], 0, 0
    for word in words:
        if x and x + len(word) > columns:
            x, line = 0, line + 1
        places.append((x, line))
        x += len(word) + gap
    return places


def _draw(ax, word, colour, place, size):
    """One word in the middle of its box."""
    (x, y), n = place, len(word)
    ax.add_patch(matplotlib("patches").Rectangle((x, y + 0.08), n, 0.84, facecolor=colour, linewidth=0))
    ax.text(x + n / 2, y + 0.5, word, ha="center", va="center", family="monospace", size=size)


def _font_size(ax, columns, n_lines):
    """Points, so that `columns` characters fill the width and lines do not touch; and the lines that fit."""
    box = ax.get_window_extent()
    to_points = 72 / ax.figure.dpi
    size = min(box.width * to_points / columns / 0.62, box.height * to_points / n_lines / 1.4, 14)
    return size, max(n_lines, box.height * to_points / size / 2)
