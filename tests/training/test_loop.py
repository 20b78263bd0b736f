import io
import os
import signal
import sys

import numpy as np
import pytest
from small_run import STEPS, Net, batch, loss, make, same, train

from minattn.autodiff import ops
from minattn.errors import ArgumentError, DTypeError
from minattn.nn import optim
from minattn.training import fit, schedules
from minattn.training.progress import progress_line


def test_training_lowers_the_loss_and_records_every_step():
    model, optimiser = make()
    history = train(model, optimiser, steps=300, schedule=None)
    assert history.recent(50) < 0.7 * np.mean(history.losses[:10])
    assert history.steps == len(history.norms) == len(history.lr) == len(history.seconds) == 300
    assert min(history.seconds) > 0 and min(history.norms) > 0


def test_same_seed_same_bits_other_seed_other_bits():
    models = [make()[0] for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6)):
        train(model, optim.Adam(model.parameters(), lr=0.02), seed=seed)
    assert same(models[0], models[1]) and not same(models[0], models[2])


def test_the_schedule_sets_the_rate_and_the_full_rate_comes_back():
    model, optimiser = make()
    history = train(model, optimiser)
    factor = schedules.cosine(STEPS, warmup=5)
    assert history.lr == pytest.approx([0.02 * factor(step) for step in range(STEPS)])
    assert optimiser.lr == 0.02


def test_clipping_shortens_the_step_and_records_the_length_before():
    model = Net()
    before = model.state_dict()
    history = train(model, optim.SGD(model.parameters(), lr=1.0), steps=1, clip=1e-3, schedule=None)
    moved = np.sqrt(sum(np.sum((before[k] - v) ** 2) for k, v in model.state_dict().items()))
    assert moved == pytest.approx(1e-3, rel=1e-3) and history.norms[0] > 1e-2


def test_training_mode_is_on():
    model, optimiser = make()
    train(model.eval(), optimiser, steps=1)
    assert model.training and model.drop[0].training


def test_a_loss_that_is_not_finite_names_the_step_and_moves_nothing():
    model, optimiser = make()
    kept = []

    def bad(model, batch):
        kept.append(model.state_dict())
        return loss(model, batch) * (np.nan if len(kept) == 4 else 1.0)

    with pytest.raises(ArgumentError, match="toy, step 3") as caught:
        fit(model, batch, bad, optimiser, steps=9, label="toy", progress=False)
    assert "rate below 0.02" in str(caught.value) and "clip" in str(caught.value)
    assert all(np.array_equal(kept[3][k], v) for k, v in model.state_dict().items()) and len(kept) == 4


@pytest.mark.parametrize(
    "error, word, changes",
    [
        (ArgumentError, "rows in 'x'", {"batch": lambda rng: {"x": np.zeros((0, 3)), "y": np.zeros((0, 2))}}),
        (DTypeError, "dict of arrays", {"batch": lambda rng: np.zeros((2, 3))}),
        (DTypeError, "Tensor", {"loss": lambda model, batch: loss(model, batch).item()}),
        (ValueError, "one element", {"loss": lambda model, batch: model(batch["x"])}),
        (ArgumentError, "steps", {"steps": -1}),
        (DTypeError, "steps", {"steps": "9"}),
        (DTypeError, "a whole number", {"seed": 0.5}),
        (DTypeError, "batch", {"batch": None}),
        (DTypeError, "Optimiser", {"optimiser": None}),
        (ArgumentError, "this model's", {"optimiser": make()[1]}),
        (ArgumentError, "colour", {"colour": 3}),
        (ArgumentError, "clip", {"clip": -1.0}),
        (ArgumentError, "every", {"every": 0}),
    ],
)
def test_what_cannot_be_trained_is_refused(error, word, changes):
    model, optimiser = make()
    given = {"batch": batch, "loss": loss, "optimiser": optimiser, "steps": 2, "progress": False, **changes}
    with pytest.raises(error, match=word):
        fit(model, **given)


def test_ctrl_c_waits_for_the_end_of_the_step():
    model, optimiser = make()
    finished = []

    def measured(model, batch):
        if len(finished) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        finished.append(1)
        return loss(model, batch)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(model, batch, measured, optimiser, steps=9, progress=False)
    twin, its = make()
    fit(twin, batch, loss, its, steps=3, progress=False)
    assert same(model, twin) and signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_does_not_wait():
    model, optimiser = make()

    def stuck(model, batch):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("never reached")

    with pytest.raises(KeyboardInterrupt):
        fit(model, batch, stuck, optimiser, steps=9, progress=False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_progress_line_shows_where_training_is(monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with progress_line("toy", 7) as tell:
        tell(7, 0.125)
    shown = screen.getvalue()
    assert "toy" in shown and "7/7" in shown and "0.125" in shown and "steps/s" in shown


def test_the_progress_line_is_silent_where_it_cannot_move(capsys, monkeypatch):
    train(*make(), progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    train(*make(), progress=False)
    assert screen.getvalue() == ""


def test_any_loss_will_do():
    model, optimiser = make()
    history = fit(
        model, batch, lambda m, b: ops.sum(m(b["x"]) * 0.0), optimiser, steps=2, clip=1.0, progress=False
    )
    assert history.losses == [0, 0] and history.norms == [0, 0]
