"""What the tour saves: maps beside the truth, accuracy by length, losses, the language model; all in one."""

import numpy as np

from ..plots import alignment, bars, curves, figure, lines_by_group, save
from .translate import GROUPS


def translators(folder, world, results):
    """maps.png, lengths.png and losses.png; returns their paths."""
    panels = 1 + sum(bool(r.maps) for r in results)
    fig, axes = figure(1, panels, width=4.6 * panels, height=4.6)
    maps(axes, world, results)
    saved = [save(fig, folder / "maps.png")]
    for draw in (lengths, losses):
        fig, ax = figure(width=7, height=4.2)
        draw(ax, results)
        saved.append(save(fig, folder / f"{draw.__name__}.png"))
    return saved


def language(folder, model):
    """language.png; returns its path in a list."""
    fig, ax = figure(width=7, height=4.2)
    surprise(ax, model)
    return [save(fig, folder / "language.png")]


def overview(folder, world, results, model):
    """tour.png, everything in one picture; returns its path in a list."""
    fig, axes = figure(2, 4, width=19, height=8.6)
    maps(axes[0], world, results)
    lengths(axes[1, 0], results)
    losses(axes[1, 1], results)
    errors(axes[1, 2], world, results)
    surprise(axes[1, 3], model)
    return [save(fig, folder / "tour.png", dpi=100)]


def maps(axes, world, results):
    """The shortest test sentence: where the truth is, and where each translator with attention looks."""
    i, pair = world.example, world.corpus.test[world.example]
    gold = np.zeros((len(pair.target), len(pair.source)))
    for t, s in pair.links:
        gold[t, s] = 1.0
    looking = [(f"{r.name}, AER {r.aer:.3f}", r.maps[i]) for r in results if r.maps]
    for ax, (title, weights) in zip(axes, [("the truth", gold), *looking]):
        alignment(ax, weights, pair.source, pair.target, pair.links, title=title)


def lengths(ax, results):
    """Sentences translated exactly, by length."""
    series = {r.name: {f"{low}-{high}": 100 * r.exact[low, high] for low, high in GROUPS} for r in results}
    lines_by_group(ax, series, ylabel="sentences translated exactly (%)", limits=(0, 100))


def losses(ax, results):
    """The loss of every translator while it learned."""
    series = {r.name: _smooth(r.losses) for r in results}
    curves(ax, series, xlabel="training step", ylabel="loss (nats a word)")


def errors(ax, world, results):
    """Alignment error rate of the yardstick and of every map; the colours are those of the other pictures."""
    series = {"IBM 1": world.yardstick, **{r.name: r.aer for r in results if r.maps}}
    bars(ax, series, ylabel="alignment error rate", digits=3)


def surprise(ax, model):
    """Bits per character of the transformer while it learned, beside the n-gram rulers."""
    rulers = {f"order {order}: {bits:.2f}": bits for order, bits in model.rulers.items()}
    rulers[f"held out: {model.bits:.2f}"] = model.bits
    series = {"transformer, training": _smooth(np.array(model.losses) / np.log(2))}
    curves(ax, series, xlabel="training step", ylabel="bits per character (n-grams: grey)", rulers=rulers)


def _smooth(values, width=10):
    """The mean over `width` steps."""
    return np.convolve(values, np.ones(width) / width, "valid") if len(values) >= width else values
