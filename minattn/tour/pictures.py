"""What the tour saves: maps beside the truth, accuracy by length, losses, and the language model's ruler."""

import numpy as np

from ..plots import alignment, curves, figure, lines_by_group, save
from .translate import GROUPS


def translators(folder, world, results):
    """maps.png, lengths.png and losses.png; returns their paths."""
    return [
        save(maps(world, [r for r in results if r.maps]), folder / "maps.png"),
        save(lengths(results), folder / "lengths.png"),
        save(losses(results), folder / "losses.png"),
    ]


def maps(world, looking):
    """The shortest test sentence: where the truth is, and where each translator with attention looks."""
    i, pair = min(enumerate(world.corpus.test), key=lambda item: len(item[1].source))
    gold = np.zeros((len(pair.target), len(pair.source)))
    for t, s in pair.links:
        gold[t, s] = 1.0
    panels = [("the truth", gold), *((f"{r.name}, AER {r.aer:.3f}", r.maps[i]) for r in looking)]
    fig, axes = figure(1, len(panels), width=4.6 * len(panels), height=4.6)
    for ax, (title, weights) in zip(axes, panels):
        alignment(ax, weights, pair.source, pair.target, pair.links, title=title)
    return fig


def lengths(results):
    """Sentences translated exactly, by length."""
    fig, ax = figure(width=7, height=4.2)
    series = {r.name: {f"{low}-{high}": 100 * r.exact[low, high] for low, high in GROUPS} for r in results}
    lines_by_group(ax, series, ylabel="sentences translated exactly (%)", limits=(0, 100))
    return fig


def losses(results):
    """The loss of every translator while it learned, smoothed over 10 steps."""
    fig, ax = figure(width=7, height=4.2)
    curves(
        ax, {r.name: _smooth(r.losses) for r in results}, xlabel="training step", ylabel="loss (nats a word)"
    )
    return fig


def _smooth(values, width=10):
    return np.convolve(values, np.ones(width) / width, "valid") if len(values) >= width else values


def language(folder, model):
    """language.png: bits per character of the transformer beside the rulers; returns its path in a list."""
    fig, ax = figure(width=7, height=4.2)
    rulers = {f"n-gram, order {order}: {bits:.2f}": bits for order, bits in model.rulers.items()}
    curve = np.array(model.losses) / np.log(2)
    curves(
        ax,
        {"transformer, training": _smooth(curve)},
        xlabel="training step",
        ylabel="bits per character",
        rulers={**rulers, f"transformer, held out: {model.bits:.2f}": model.bits},
    )
    return [save(fig, folder / "language.png")]
