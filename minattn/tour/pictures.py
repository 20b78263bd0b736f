"""What the tour saves: maps beside the truth, accuracy by length, losses, and the language model's ruler."""

import numpy as np

from ..plots import alignment, bars, curves, figure, lines_by_group, save
from .translate import GROUPS


def translators(folder, world, results):
    """maps.png, lengths.png and losses.png; returns their paths."""
    looking = [r for r in results if r.maps]
    pair = min(world.corpus.test, key=lambda p: len(p.source))
    i = world.corpus.test.index(pair)
    drawn = figure(width=4.2 * (len(looking) + 1), height=4.6)
    axes = drawn.subplots(1, len(looking) + 1)
    gold = np.zeros((len(pair.target), len(pair.source)))
    for t, s in pair.links:
        gold[t, s] = 1 / sum(t == other for other, _ in pair.links)
    for ax, (name, weights) in zip(axes, [("truth", gold), *((r.name, r.maps[i]) for r in looking)]):
        alignment(ax, weights, pair.source, pair.target, pair.links)
        error = next((f", AER {r.aer:.3f}" for r in looking if r.name == name), "")
        ax.set_title(name + error)
    saved = [save(drawn, folder / "maps.png")]

    drawn = figure(width=7, height=4.2)
    ax = drawn.subplots()
    names = [f"{low}-{high}" for low, high in GROUPS]
    lines_by_group(ax, names, {r.name: [100 * r.exact[g] for g in GROUPS] for r in results})
    ax.set(xlabel="source words", ylabel="sentences translated exactly (%)")
    saved.append(save(drawn, folder / "lengths.png"))

    drawn = figure(width=7, height=4.2)
    ax = drawn.subplots()
    curves(ax, {r.name: r.losses for r in results})
    ax.set(xlabel="training step", ylabel="loss (nats a word)")
    return [*saved, save(drawn, folder / "losses.png")]


def language(folder, model):
    """language.png; returns its path in a list."""
    drawn = figure(width=7, height=4.2)
    ax = drawn.subplots()
    heights = {f"order {order}": bits for order, bits in model.rulers.items()}
    bars(ax, {**heights, "transformer": model.bits})
    ax.set(ylabel="bits per character, held out")
    return [save(drawn, folder / "language.png")]
