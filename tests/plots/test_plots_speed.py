"""Pictures of speed: marks, lines and bars stand where the numbers say."""

import numpy as np
import pytest

from minattn import plots
from minattn.errors import ArgumentError


def test_relative_times_put_each_contender_at_its_multiple_of_the_base():
    times = {"step": {"ours": 2.0, "theirs": 3.0}, "decode": {"ours": 5.0, "theirs": 1.0, "other": 10.0}}
    _, ax = plots.figure()
    assert plots.relative_times(ax, times, base="ours") is ax
    marks = {line.get_label(): np.column_stack(line.get_data()).tolist() for line in ax.lines}
    assert marks["theirs"] == [[1.5, 0], [0.2, -1]] and marks["other"] == [[2.0, -1]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["step", "decode"]
    with pytest.raises(ArgumentError, match="'ours' in 'lstm'"):
        plots.relative_times(ax, {"lstm": {"theirs": 1.0}}, base="ours")


def test_doubling_has_both_axes_logarithmic_and_a_tick_for_each_size():
    _, ax = plots.figure()
    plots.doubling(ax, {"a": ([128, 256, 512], [1.0, 4.0, 16.0]), "b": ([128], [2.0])})
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["128", "256", "512"]


def test_stacked_bars_stand_one_after_the_other_with_their_sum():
    _, ax = plots.figure()
    plots.stacked_bars(ax, {"linear": {"forward": 2.0, "backward": 3.0}, "gelu": {"forward": 1.0}})
    bars = [(p.get_x(), p.get_width()) for p in ax.patches]
    assert bars == [(0, 2.0), (0, 1.0), (2.0, 3.0), (1.0, 0.0)]
    assert [text.get_text() for text in ax.texts] == ["5.00", "1.00"]


def test_nothing_to_draw_is_refused():
    _, ax = plots.figure()
    for draw in (plots.doubling, plots.stacked_bars):
        with pytest.raises(ArgumentError):
            draw(ax, {})
