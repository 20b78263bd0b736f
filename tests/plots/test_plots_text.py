import numpy as np
import pytest

from minattn import plots
from minattn.errors import ArgumentError, ShapeError


@pytest.fixture
def ax():
    return plots.figure(width=5, height=2)[1]


def test_words_wrap_and_darkness_follows_weight(ax):
    words = ["one", "three", "seven", "x"]
    assert plots.text_weights(ax, words, [0.1, 0.4, 0.0, 0.2], columns=9) is ax
    boxes = [(p.get_x(), int(p.get_y()), p.get_width()) for p in ax.patches]
    assert boxes == [(0, 0, 3), (4, 0, 5), (0, 1, 5), (6, 1, 1)]
    assert [t.get_text() for t in ax.texts] == words
    brightness = [sum(p.get_facecolor()[:3]) for p in ax.patches]
    assert np.argsort(brightness).tolist() == [1, 3, 0, 2]
    assert "0.4" in ax.get_xlabel()


def test_characters_stand_side_by_side_and_fit(ax):
    text = "attention is all " * 5
    plots.text_weights(ax, text, np.arange(len(text)), space="", columns=40)
    assert [(p.get_x(), int(p.get_y())) for p in ax.patches] == [(i % 40, i // 40) for i in range(len(text))]
    ax.figure.canvas.draw()
    width = ax.get_window_extent().width / 40
    assert all(t.get_window_extent().width <= 1.1 * width for t in ax.texts)


def test_no_weight_at_all_is_white(ax):
    plots.text_weights(ax, ["a", "b"], [0, 0])
    assert min(ax.patches[0].get_facecolor()[:3]) > 0.9


def test_bad_input(ax):
    with pytest.raises(ShapeError):
        plots.text_weights(ax, ["a"], [1, 2])
    with pytest.raises(ShapeError):
        plots.text_weights(ax, [], [])
    with pytest.raises(ArgumentError):
        plots.text_weights(ax, ["a", "b"], [1, -1])
    with pytest.raises(ArgumentError):
        plots.text_weights(ax, ["a"], [1], columns=0)
