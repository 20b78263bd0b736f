"""Check of `rnn_forward`: the recurrence, step by step."""

import numpy as np

from ...exercise import Case, Exercise


def _scan(x, h, step):
    """States of h_t = step(x_t, h_{t-1}), stacked along the time axis."""
    states = []
    for t in range(x.shape[1]):
        h = step(x[:, t], h)
        states.append(h)
    return np.stack(states, 1)


def rnn_forward(x, w_x, w_h, b, h0):
    return _scan(x, h0, lambda x_t, h: np.tanh(x_t @ w_x + h @ w_h + b))


def _no_memory(x, w_x, w_h, b, h0):
    return np.tanh(x @ w_x + (h0 @ w_h)[:, None] + b)


def _zero_start(x, w_x, w_h, b, h0):
    return rnn_forward(x, w_x, w_h, b, np.zeros_like(h0))


def _transposed(x, w_x, w_h, b, h0):
    return rnn_forward(x, w_x, w_h.T, b, h0)


def _tanh_of_input_only(x, w_x, w_h, b, h0):
    return _scan(x, h0, lambda x_t, h: np.tanh(x_t @ w_x + b) + h @ w_h)


def _bias_forgotten(x, w_x, w_h, b, h0):
    return rnn_forward(x, w_x, w_h, 0 * b, h0)


def _backwards(x, w_x, w_h, b, h0):
    return rnn_forward(x[:, ::-1], w_x, w_h, b, h0)[:, ::-1]


def _draw(rng, batch, steps, n_in, n):
    x, w_x = rng.normal(size=(batch, steps, n_in)), rng.normal(size=(n_in, n)) / n_in**0.5
    w_h = rng.normal(size=(n, n)) / n**0.5
    return x, w_x, w_h, rng.normal(size=n), np.tanh(rng.normal(size=(batch, n)))


def _cases(rng):
    yield Case("one short sequence", _draw(rng, 1, 3, 2, 5))
    yield Case("a batch", _draw(rng, 3, 7, 5, 2))
    yield Case("a long sequence", _draw(rng, 2, 31, 3, 5))


EXERCISE = Exercise(
    reference=rnn_forward,
    title="Run a recurrent network over a sequence",
    position=1,
    points=5,
    difficulty=1,
    minutes=15,
    cases=_cases,
    outputs=("states",),
    misconceptions={
        "previous_state_not_carried": (
            _no_memory,
            "Every step uses h0. Step t must use the state that step t - 1 made.",
        ),
        "starts_from_zero": (_zero_start, "The first step uses h0, the argument, not zeros."),
        "w_h_transposed": (_transposed, "The state is a row, so it is h @ w_h, without a transpose."),
        "tanh_of_the_input_only": (
            _tanh_of_input_only,
            "tanh goes around the whole sum, the recurrent part included.",
        ),
        "bias_forgotten": (_bias_forgotten, "The bias b is missing in the sum."),
        "reads_from_the_right": (_backwards, "You run from the last step to the first; start at t = 0."),
    },
    hints=(
        "A loop over time with one variable that is overwritten each step. What must it hold before the "
        "first step?",
        "h_t = tanh(x_t w_x + h_{t-1} w_h + b), h_{-1} = h0; collect the states and stack them along axis 1.",
        "One unit, x = [1, 0], w_x = 1, w_h = 1, b = 0, h0 = 0: h_0 = tanh(1) = 0.762, h_1 = tanh(0.762) = "
        "0.642.",
    ),
)
