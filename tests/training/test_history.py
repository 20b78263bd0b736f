import numpy as np
import pytest

from minattn.training import History


def filled(losses):
    history = History()
    for i, loss in enumerate(losses):
        history.add(loss=loss, norm=i, lr=0.1, seconds=0.01)
    return history


def test_smooth_is_the_mean_of_the_last_losses():
    losses = [3.0, 1.0, 2.0, 6.0, 0.0]
    assert filled(losses).smooth(3).tolist() == pytest.approx([3, 2, 2, 3, 8 / 3])
    assert filled(losses).recent(2) == 3.0
    assert np.isnan(History().recent()) and len(History().smooth()) == 0


def test_arrays_and_back():
    history = filled([0.1, 1 / 3])
    again = History.from_arrays(history.arrays())
    assert again.losses == [0.1, 1 / 3] and again.norms == [0, 1] and again.steps == 2
    assert "2 steps" in repr(again)


def test_plot_draws_every_loss_and_its_mean():
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert filled([3.0, 1.0, 2.0]).plot(ax, label="dot") is ax
    raw, mean = ax.lines
    assert raw.get_ydata().tolist() == [3, 1, 2] and mean.get_ydata().tolist() == [3, 2, 2]
    assert mean.get_label() == "dot" and ax.get_xlabel() == "step"
