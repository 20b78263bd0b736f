import numpy as np
import pytest

from minattn import plots
from minattn.errors import ArgumentError, DTypeError, ShapeError


@pytest.fixture
def ax():
    return plots.figure()[1]


def _words(axis):
    return [tick.get_text() for tick in axis.get_ticklabels()]


def test_alignment_shows_weights_words_and_boxes(ax):
    weights = np.random.default_rng(0).dirichlet(np.ones(5), 3)
    links = {(0, 4), (2, 1)}
    assert plots.alignment(ax, weights, list("abcde"), list("xyz"), links, title="dot") is ax
    assert np.array_equal(ax.images[0].get_array(), weights) and ax.images[0].get_clim() == (0, 1)
    assert _words(ax.xaxis) == list("abcde") and _words(ax.yaxis) == list("xyz")
    centres = {
        (round(p.get_y() + p.get_height() / 2, 6), round(p.get_x() + p.get_width() / 2, 6))
        for p in ax.patches
    }
    assert centres == links and not any(p.get_fill() for p in ax.patches)
    assert "gold" in ax.get_xlabel() and ax.get_title() == "dot"
    ax.figure.canvas.draw()


def test_weights_above_one_are_not_cut(ax):
    plots.alignment(ax, [[3.0, 0.0]], ["a", "b"], ["x"])
    assert ax.images[0].get_clim() == (0, 3) and not ax.patches


@pytest.mark.parametrize("values, limits", [([[1, 3], [2, 2]], (1, 3)), ([[-1, 3], [2, np.nan]], (-3, 3))])
def test_heatmap_puts_white_at_zero_if_signs_differ(ax, values, limits):
    plots.heatmap(ax, values, label="score", names=("query", "key"))
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert ax.images[0].get_clim() == limits
    assert ax.images[0].colorbar.ax.get_ylabel() == "score"
    assert ax.images[0].get_cmap().name == (
        plots.style.DIVERGING if limits[0] < 0 else plots.style.SEQUENTIAL
    )


def test_long_words_are_turned(ax):
    words = ["word" + "x" * i for i in range(7)]
    plots.heatmap(ax, np.ones((2, 7)), columns=words, limits=(0, 1))
    assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {60}


def test_bad_input(ax):
    with pytest.raises(ShapeError, match="source words"):
        plots.alignment(ax, np.ones((3, 5)), list("abcd"), list("xyz"))
    with pytest.raises(ShapeError):
        plots.alignment(ax, np.ones((2, 3, 5)), list("abcde"), list("xyz"))
    with pytest.raises(ArgumentError):
        plots.alignment(ax, np.ones((1, 2)), list("ab"), list("x"), {(1, 0)})
    with pytest.raises(ArgumentError):
        plots.heatmap(ax, [[np.nan]])
    with pytest.raises(DTypeError):
        plots.heatmap(ax, [["a"]])
    with pytest.raises(DTypeError, match="figure"):
        plots.heatmap(None, [[1.0]])
