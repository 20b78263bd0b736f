"""Points that trade one thing for another: what is gained over what it costs."""

import numpy as np

from minattn.plots import style

LINE = 0.052  # height of a label, as a share of the axis
LETTER = 0.022  # width of a letter, as a share of the axis
NEAR = 0.3  # labels of points that lie nearer than this, from left to right, may meet


def trade_off(ax, points, *, xlabel="cost", ylabel="gain", title=None, order=None, limits=(0, 1)):
    """A marker for each entry at (x, mean of y), a thin line from its smallest to its largest y, its name.

    points   dict from label to (x > 0, y (n,)): what it costs, and what it gave each time
    order    all labels that share colours with other pictures, default those of `points`
    limits   (lowest, highest) of the y axis
    The x axis is logarithmic. Names stand to the right of their points, moved up where they would meet.
    """
    ax, points = style.axes("trade_off", ax), style.series("trade_off", points)
    looks = dict(zip(order or points, style.looks()))
    middles = {}
    for label, (x, y) in points.items():
        y = style.numbers("trade_off", repr(label), np.atleast_1d(y), 1)
        colour, _, marker = looks[label]
        ax.plot([x, x], [y.min(), y.max()], color=colour, linewidth=1.2, alpha=0.6)
        ax.plot(x, y.mean(), marker, color=colour, markersize=8)
        middles[label] = (x, y.mean())
    low, high = limits
    margin = 0.04 * (high - low)
    ax.set(xscale="log", ylim=(low - margin, high + 2 * margin))
    xs = [x for x, _ in middles.values()]
    ax.set_xlim(min(xs) / 3, max(xs) * 6)
    style.dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    _names(ax, middles, looks)
    return ax


def _names(ax, middles, looks):
    """Each label beside its point, the lowest first: on the right, on the left where another point is there.

    A label that would meet another goes above it.
    """
    to_share = (ax.transData + ax.transAxes.inverted()).transform
    places, taken = {label: to_share(point) for label, point in middles.items()}, ([], [])
    for label, (x, y) in sorted(places.items(), key=lambda item: item[1][1]):
        ahead = [px - x for px, py in places.values() if px > x + 0.01 and abs(py - y) < LINE]
        left = any(gap < 0.05 + LETTER * len(label) for gap in ahead)
        for other_x, other_y in sorted(taken[left], key=lambda place: place[1]):
            if abs(x - other_x) < NEAR and abs(y - other_y) < LINE:
                y = other_y + LINE
        taken[left].append((x, y))
        ax.annotate(
            label,
            places[label],
            xytext=(x - 0.03 if left else x + 0.03, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
            color=looks[label][0],
            arrowprops={"arrowstyle": "-", "color": looks[label][0], "linewidth": 0.5},
        )
