import numpy as np
import pytest

from minattn.attention import record
from minattn.autodiff import ops
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.models import PointerNetwork
from minattn.nn.optim import Adam
from minattn.training import fit
from minattn.worlds import recall


@pytest.fixture
def model():
    return PointerNetwork(20, d_embed=6, n_hidden=10, rng=np.random.default_rng(3))


@pytest.fixture
def batch():
    return recall.sort(np.random.default_rng(0), 7)


def test_the_attention_is_the_answer(model, batch):
    with record(model) as traces:
        scores = model(batch["inputs"], batch["attend"], batch["valid"])
    weights = traces["attention"].weights.numpy()[:, 0]
    assert ops.softmax(scores).numpy() == pytest.approx(weights, abs=1e-6)
    assert weights.sum(axis=-1) == pytest.approx(np.ones((7, 5)), abs=1e-5)
    assert not weights[np.broadcast_to(~batch["valid"][:, None], weights.shape)].any()


def test_every_place_is_named_once(model, batch):
    answers = model.point(batch["inputs"], batch["valid"])
    for row, valid in zip(answers, batch["valid"]):
        n = valid.sum()
        assert sorted(row[:n]) == np.flatnonzero(valid).tolist() and (row[n:] == -1).all()


def test_pointing_follows_the_best_free_place(model):
    inputs = np.array([[7, 2, 9, 4]])
    answers = model.point(inputs)[0]
    for t in range(4):
        places = np.concatenate([answers[:t], [0]])[None]  # the last one is never read
        scores = model(inputs, places).numpy()[0, t]
        scores[answers[:t]] = -np.inf
        assert scores.argmax() == answers[t]


def test_padded_answers_do_not_count(model, batch):
    inputs, places, valid = batch["inputs"], batch["attend"], batch["valid"]
    log_probs = ops.log_softmax(model(inputs, places, valid)).numpy()
    picked = np.take_along_axis(log_probs, places[..., None], axis=-1)[..., 0]
    assert model.loss(inputs, places, valid).item() == pytest.approx(-picked[valid].mean(), rel=1e-4)
    short = model.loss(inputs[:, :3], places[:, :2] % 3)
    assert np.isfinite(short.item())


def test_any_input_length_will_do(model):
    assert model.point(np.arange(13)[None]).shape == (1, 13)


def test_it_learns_to_point(model):
    def draw(rng):
        inputs = rng.integers(0, 20, size=(31, 3))
        return {"inputs": inputs, "places": np.tile([2, 0, 1], (31, 1))}

    fit(model, draw, lambda m, b: m.loss(**b), Adam(model.parameters(), lr=0.02), steps=60, progress=False)
    assert (model.point(draw(np.random.default_rng(9))["inputs"]) == [2, 0, 1]).all()


@pytest.mark.parametrize(
    "error, given",
    [
        (ShapeError, (np.array([1, 2, 3]), np.array([[0]]))),
        (DTypeError, (np.array([[1.0, 2.0]]), np.array([[0]]))),
        (ArgumentError, (np.array([[1, 2]]), np.array([[2]]))),
        (ArgumentError, (np.array([[1, 2]]), np.array([[0], [1]]))),
        (ShapeError, (np.array([[1, 2]]), np.array([[0]]), np.array([[True]]))),
        (ArgumentError, (np.array([[1, 20]]), np.array([[0]]))),
    ],
)
def test_input_that_does_not_fit_is_refused(model, error, given):
    with pytest.raises(error, match="expected"):
        model.loss(*given)


def test_an_odd_width_is_refused():
    with pytest.raises(ArgumentError, match="even"):
        PointerNetwork(20, n_hidden=7, rng=np.random.default_rng(0))
