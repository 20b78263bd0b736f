"""Check of `gru_step`: one step of a gated unit (arXiv 1406.1078, the reset gate after the product)."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import sigmoid


def _parts(x, h, w_x, w_h, b):
    """The three blocks (reset, update, candidate) of the input part and of the state part."""
    return np.split(x @ w_x + b, 3, -1), np.split(h @ w_h, 3, -1)


def _gru(x, h, w_x, w_h, b, squash=sigmoid, order=(0, 1)):
    (xs, hs), (r, z) = _parts(x, h, w_x, w_h, b), order
    reset, update = squash(xs[r] + hs[r]), squash(xs[z] + hs[z])
    return update, np.tanh(xs[2] + reset * hs[2])


def gru_step(x, h, w_x, w_h, b):
    update, candidate = _gru(x, h, w_x, w_h, b)
    return (1 - update) * candidate + update * h


def _update_swapped(x, h, w_x, w_h, b):
    update, candidate = _gru(x, h, w_x, w_h, b)
    return update * candidate + (1 - update) * h


def _blocks_swapped(x, h, w_x, w_h, b):
    update, candidate = _gru(x, h, w_x, w_h, b, order=(1, 0))
    return (1 - update) * candidate + update * h


def _no_reset(x, h, w_x, w_h, b):
    (xs, hs), (update, _) = _parts(x, h, w_x, w_h, b), _gru(x, h, w_x, w_h, b)
    return (1 - update) * np.tanh(xs[2] + hs[2]) + update * h


def _reset_before(x, h, w_x, w_h, b):
    (xs, hs), (update, _) = _parts(x, h, w_x, w_h, b), _gru(x, h, w_x, w_h, b)
    state = (sigmoid(xs[0] + hs[0]) * h) @ np.split(w_h, 3, -1)[2]
    return (1 - update) * np.tanh(xs[2] + state) + update * h


def _tanh_gates(x, h, w_x, w_h, b):
    update, candidate = _gru(x, h, w_x, w_h, b, squash=np.tanh)
    return (1 - update) * candidate + update * h


def _unstable(x, h, w_x, w_h, b):
    update, candidate = _gru(x, h, w_x, w_h, b, squash=lambda a: np.exp(a) / (1 + np.exp(a)))
    return (1 - update) * candidate + update * h


def _draw(rng, batch, n_in, n, size=1.0):
    x, h = rng.normal(size=(batch, n_in)) * size, np.tanh(rng.normal(size=(batch, n)))
    return x, h, rng.normal(size=(n_in, 3 * n)), rng.normal(size=(n, 3 * n)), rng.normal(size=3 * n)


def _cases(rng):
    yield Case("one row", _draw(rng, 1, 3, 5))
    yield Case("a batch", _draw(rng, 5, 7, 3))
    yield Case("one input", _draw(rng, 3, 1, 7))
    yield Case("inputs around 10,000", _draw(rng, 11, 3, 5, 1e4))


EXERCISE = Exercise(
    reference=gru_step,
    title="One step of a GRU",
    position=3,
    points=8,
    difficulty=2,
    minutes=25,
    cases=_cases,
    outputs=("state",),
    misconceptions={
        "update_gate_the_wrong_way_round": (
            _update_swapped,
            "Here update = 1 keeps the old state: h' = (1 - z) n + z h. (Papers differ; read the docstring.)",
        ),
        "reset_and_update_blocks_swapped": (
            _blocks_swapped,
            "The first third of the columns is the reset gate, the second the update gate.",
        ),
        "reset_gate_not_used": (_no_reset, "The reset gate must multiply the state's part of the candidate."),
        "reset_before_the_product": (
            _reset_before,
            "You reset h before the product with w_h. Here the gate multiplies the result: r * (h @ w_hn).",
        ),
        "gates_by_tanh": (_tanh_gates, "Gates lie between 0 and 1: sigmoid, not tanh."),
        "sigmoid_overflows": (
            _unstable,
            "exp(a) / (1 + exp(a)) is inf / inf for large a. 1 / (1 + exp(-a)) or (1 + tanh(a / 2)) / 2 is "
            "safe.",
        ),
    },
    hints=(
        "Compute x @ w_x + b and h @ w_h once, then split both in three along the last axis.",
        "r = sigmoid(x_r + h_r), z = sigmoid(x_z + h_z), n = tanh(x_n + r * h_n), h' = (1 - z) * n + z * h.",
        "All weights and b zero, h = [1]: r = z = 1/2, n = tanh(0) = 0, h' = 1/2 * 0 + 1/2 * 1 = 1/2.",
    ),
)
