import itertools

import numpy as np
import pytest

from minattn import plots
from minattn.errors import ArgumentError, DTypeError, ShapeError


@pytest.fixture
def ax():
    return plots.figure()[1]


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_curves_keep_their_data_and_units(ax):
    series = {"a": [3, 2, 1], "b": (np.array([10, 20]), np.array([0.5, 0.25]))}
    assert plots.curves(ax, series, xlabel="seconds", ylabel="bits", log=True, rulers={"order 2": 3.3}) is ax
    a, b, ruler = ax.lines
    assert a.get_xdata().tolist() == [1, 2, 3] and a.get_ydata().tolist() == [3, 2, 1]
    assert b.get_xdata().tolist() == [10, 20] and b.get_ydata().tolist() == [0.5, 0.25]
    assert list(ruler.get_ydata()) == [3.3, 3.3] and "order 2" in [t.get_text() for t in ax.texts]
    assert _legend(ax) == ["a", "b"] and ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("seconds", "bits")


def test_lines_by_group_leave_gaps(ax):
    plots.lines_by_group(ax, {"none": {"1-5": 0.5, "6+": 0.25}, "dot": {"6+": 1.0, "11+": 0.75}})
    none, dot = (line.get_ydata() for line in ax.lines)
    assert np.array_equal(none, [0.5, 0.25, np.nan], equal_nan=True)
    assert np.array_equal(dot, [np.nan, 1.0, 0.75], equal_nan=True)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1-5", "6+", "11+"]
    low, high = ax.get_ylim()
    assert low < 0 and high > 1


def test_bars_show_means_and_seeds(ax):
    plots.bars(ax, {"a": 0.25, "b": [0.5, 0.75, 1.0]}, ylabel="share", rulers={"chance": 0.1}, digits=3)
    assert [bar.get_height() for bar in ax.patches] == [0.25, 0.75]
    dots = ax.lines[0]
    assert list(dots.get_xdata()) == [1, 1, 1] and list(dots.get_ydata()) == [0.5, 0.75, 1.0]
    assert [t.get_text() for t in ax.texts] == ["0.250", "0.750", "chance"]


def test_the_first_28_looks_differ_and_neighbours_share_nothing():
    looks = list(itertools.islice(plots.style.looks(), 28))
    assert len(set(looks)) == 28
    assert all(not set(one) & set(two) for one, two in itertools.pairwise(looks))


@pytest.mark.parametrize("draw", [plots.curves, plots.lines_by_group, plots.bars])
def test_bad_input(ax, draw):
    with pytest.raises(ArgumentError):
        draw(ax, {})
    with pytest.raises(DTypeError):
        draw(ax, [1, 2])
    with pytest.raises(DTypeError):
        draw("ax", {"a": [1]})


def test_values_that_do_not_fit(ax):
    with pytest.raises(ShapeError):
        plots.curves(ax, {"a": ([1, 2], [1, 2, 3])})
    with pytest.raises(ShapeError):
        plots.curves(ax, {"a": [[1, 2]]})
    with pytest.raises(ShapeError):
        plots.bars(ax, {"a": []})
    with pytest.raises(DTypeError):
        plots.lines_by_group(ax, {"a": {"1-5": "high"}})
