"""Pictures. Every function is `(ax, arrays...) -> ax`: it draws into the Axes that it gets and returns it.

figure, save, writable_folder    a figure without pyplot, so that nothing is kept behind the scenes
alignment, heatmap               attention maps, other matrices
curves, lines_by_group, bars     a value over steps, over groups of sentences, of rivals
text_weights                     words, the darker the more weight
relative_times, doubling, stacked_bars   times beside each other, as sizes double, and what a whole is made of
trade_off                        what is gained over what it costs

    fig, ax = figure()
    curves(ax, {"with attention": losses}, ylabel="loss (nats)")
    save(fig, "loss.png")

matplotlib is imported when the first picture is drawn. Colours can be told apart by colour-blind readers, and
every series has a line style or marker of its own.
"""

from minattn.plots.canvas import figure, save, writable_folder
from minattn.plots.maps import alignment, heatmap
from minattn.plots.series import bars, curves, lines_by_group
from minattn.plots.speed import doubling, relative_times, stacked_bars
from minattn.plots.style import COLOURS
from minattn.plots.text import text_weights
from minattn.plots.trade_off import trade_off

__all__ = [
    "COLOURS",
    "alignment",
    "bars",
    "curves",
    "doubling",
    "figure",
    "heatmap",
    "lines_by_group",
    "relative_times",
    "save",
    "stacked_bars",
    "text_weights",
    "trade_off",
    "writable_folder",
]
