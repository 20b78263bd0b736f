import math

import numpy as np
import pytest

from minattn import Tensor, gradcheck, precision
from minattn.errors import ArgumentError, DTypeError, ShapeError
from minattn.nn import GRU, LSTM, RNN

KINDS = [RNN, GRU, LSTM]
LENGTHS = np.array([7, 3, 1, 0, 5])
VALID = np.arange(7) < LENGTHS[:, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(kind, scan, x, states):
    """One step in plain NumPy: x (n_in,), states a list of (n,) -> the next states."""
    a = scan.w_x.data @ x + scan.b_x.data
    b = scan.w_h.data @ states[0] + scan.b_h.data
    if kind is RNN:
        return [np.tanh(a + b)]
    if kind is GRU:
        (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
        z = sigmoid(az + bz)
        return [(1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * states[0]]
    i, f, g, o = np.split(a + b, 4)
    c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def by_hand(layer, x, length, states):
    """One row of a batch, one token after the other: out (T, ..) up to `length`, the end of each scan."""
    x, ends = x[:length], []
    for below in range(0, len(layer.scans), layer.directions):
        outs = []
        for direction in range(layer.directions):
            now, steps = [s[below + direction] for s in states], []
            for token in x if direction == 0 else x[::-1]:
                now = step(type(layer), layer.scans[below + direction], token, now)
                steps.append(now[0])
            outs.append(np.array(steps if direction == 0 else steps[::-1]).reshape(length, layer.n_hidden))
            ends.append(now)
        x = np.concatenate(outs, axis=-1)
    return x, ends


def randomised(layer, rng):
    for parameter in layer.parameters():
        parameter.data[:] = rng.normal(size=parameter.shape) * 0.5
    return layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_layers, bidirectional", [(1, False), (1, True), (3, False), (2, True)])
@pytest.mark.parametrize("given", [False, True])
def test_layer_equals_the_loop_over_real_tokens(rng, kind, n_layers, bidirectional, given):
    with precision(64):
        layer = randomised(kind(2, 3, rng=rng, n_layers=n_layers, bidirectional=bidirectional), rng)
        x, shape = rng.normal(size=(5, 7, 2)), (len(layer.scans), 5, 3)
        states = [rng.normal(size=shape) if given else np.zeros(shape) for _ in range(kind.n_states)]
        state = None if not given else states[0] if kind is not LSTM else tuple(states)
        out, last = layer(x, valid=VALID, state=state)
    lasts = last if kind is LSTM else [last]
    assert out.shape == (5, 7, layer.directions * 3) and all(part.shape == shape for part in lasts)
    for row, length in enumerate(LENGTHS):
        expected, ends = by_hand(layer, x[row], length, [s[:, row] for s in states])
        np.testing.assert_allclose(out.numpy()[row, :length], expected, atol=1e-12)
        for i, parts in enumerate(ends):
            for got, part in zip(lasts, parts):
                np.testing.assert_allclose(got.numpy()[i, row], part, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_at_padding_changes_nothing(rng, kind):
    layer, x = kind(2, 3, rng=rng, n_layers=2, bidirectional=True), rng.normal(size=(5, 7, 2))
    out, last = layer(x, valid=VALID)
    other_out, other_last = layer(np.where(VALID[..., None], x, 99.0), valid=VALID)
    np.testing.assert_array_equal(out.numpy()[VALID], other_out.numpy()[VALID])
    for one, two in zip(last, other_last):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_two_calls_that_pass_the_state_on_equal_one(rng, kind):
    layer, x = kind(2, 3, rng=rng, n_layers=2), rng.normal(size=(5, 7, 2))
    out, last = layer(x)
    first, state = layer(x[:, :3])
    second, state = layer(x[:, 3:], state=state)
    joined = np.concatenate([first.numpy(), second.numpy()], axis=1)
    np.testing.assert_allclose(joined, out.numpy(), atol=1e-6)
    for got, expected in zip(state, last):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_reversing_the_input_swaps_the_directions(rng, kind):
    layer, x = kind(2, 3, rng=rng, bidirectional=True), rng.normal(size=(5, 7, 2))
    for name in ("w_x", "w_h", "b_x", "b_h"):
        getattr(layer.scans[1], name).data = getattr(layer.scans[0], name).data
    forwards, backwards = layer(x)[0].numpy(), layer(x[:, ::-1])[0].numpy()[:, ::-1]
    np.testing.assert_allclose(backwards, np.roll(forwards, 3, axis=-1), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_input_states_and_every_parameter(rng, kind):
    with precision(64):
        layer = randomised(kind(2, 3, rng=rng, n_layers=2, bidirectional=True), rng)
    parameters = dict(layer.named_parameters())

    def run(x, *values):
        for name, value in zip(parameters, values):
            scan = layer.scans[int(name.split(".")[1])]
            setattr(scan, name.split(".")[2], value)
        out, last = layer(x, valid=VALID[:3, :5])
        return (out * out).sum() + sum((part * part * 0.7).sum() for part in last)

    gradcheck(run, rng.normal(size=(3, 5, 2)), *(p.data for p in parameters.values()))


def test_truncation_cuts_the_way_back(rng):
    layer = RNN(2, 3, rng=rng)
    for tau in (None, 3, 7):
        x = Tensor(rng.normal(size=(1, 7, 2)), requires_grad=True)
        layer(x, truncate=tau)[0][:, -1].sum().backward()
        reached = np.abs(x.grad[0]).sum(axis=-1) > 0
        assert reached.tolist() == [t >= 7 - (tau or 7) for t in range(7)]


def test_an_lstm_that_only_remembers_copies_its_cell(rng):
    layer = LSTM(2, 3, rng=rng, forget_bias=1e3)
    layer.scans[0].b_x.data[:3] = -1e3  # the input gate stays shut
    cell = rng.normal(size=(1, 5, 3)).astype(np.float32)
    _, (_, last) = layer(rng.normal(size=(5, 40, 2)), state=(np.zeros((1, 5, 3)), cell))
    np.testing.assert_array_equal(last.numpy(), cell)


def test_a_linear_rnn_multiplies_by_its_weight_each_step(rng):
    layer = RNN(1, 2, rng=rng, activation="relu")
    layer.scans[0].w_h.data[:] = [[0.0, 0.5], [0.5, 0.0]]
    layer.scans[0].w_x.data[:] = 0
    _, last = layer(np.ones((1, 6, 1)), state=np.array([[[3.0, 5.0]]]))
    np.testing.assert_allclose(last.numpy()[0, 0], np.array([3.0, 5.0]) / 64)


def test_names_shapes_and_start_values(rng):
    layer = LSTM(2, 3, rng=rng, n_layers=2, bidirectional=True, forget_bias=4.0)
    shapes = {name: array.shape for name, array in layer.state_dict().items()}
    assert shapes["scans.1.w_x"] == (12, 2) and shapes["scans.2.w_x"] == (12, 6)
    assert shapes["scans.3.w_h"] == (12, 3) and shapes["scans.3.b_x"] == shapes["scans.3.b_h"] == (12,)
    assert len(shapes) == 16
    for scan in layer.scans:
        assert scan.b_x.data.tolist() == [0.0] * 3 + [4.0] * 3 + [0.0] * 6 and not scan.b_h.data.any()
        assert np.abs(scan.w_h.data).max() <= 1 / math.sqrt(3)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch_gives_an_empty_answer(rng, kind):
    out, last = kind(2, 3, rng=rng, n_layers=2)(np.ones((0, 7, 2)))
    assert out.shape == (0, 7, 3) and (last[0] if kind is LSTM else last).shape == (2, 0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_input_that_does_not_fit(rng, kind):
    layer, x = kind(2, 3, rng=rng), np.ones((5, 7, 2))
    for bad in (np.ones((5, 7, 3)), np.ones((7, 2)), np.ones((5, 0, 2))):
        with pytest.raises(ShapeError, match=r"\w+\(2, 3\)"):
            layer(bad)
    with pytest.raises(DTypeError, match="Embedding"):
        layer(np.ones((5, 7, 2), dtype=int))
    with pytest.raises(ShapeError, match="valid"):
        layer(x, valid=np.ones((5, 6), dtype=bool))
    with pytest.raises(DTypeError, match="booleans"):
        layer(x, valid=np.ones((5, 7)))
    with pytest.raises(ShapeError, match=r"state \(1, 5, 3\)"):
        layer(x, state=np.ones((5, 3)))
    with pytest.raises(ArgumentError, match="truncate"):
        layer(x, truncate=0)


def test_settings_that_do_not_fit(rng):
    with pytest.raises(ArgumentError, match='"tanh" or "relu"'):
        RNN(2, 3, rng=rng, activation="gelu")
    with pytest.raises(ArgumentError, match="n_layers=0"):
        GRU(2, 3, rng=rng, n_layers=0)
    with pytest.raises(ShapeError, match=r"a pair \(h, c\)"):
        LSTM(2, 3, rng=rng)(np.ones((5, 7, 2)), state=np.ones((1, 5, 3)))
