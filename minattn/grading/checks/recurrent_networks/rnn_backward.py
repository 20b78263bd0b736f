"""Check of `rnn_backward`: back-propagation through time (arXiv 1912.05911, section 3)."""

import numpy as np

from ...exercise import Case, Exercise
from .rnn_forward import rnn_forward


def _walk(grad, slope, back, local=1, future=1):
    """da (B, T, n), the gradient before tanh, from the last step to the first; 0 drops a part of it."""
    da, carry = np.empty_like(grad), 0
    for t in reversed(range(grad.shape[1])):
        keep = local if t < grad.shape[1] - 1 else 1
        da[:, t] = (keep * grad[:, t] + carry) * slope[:, t]
        carry = future * (da[:, t] @ back)
    return da


def _collect(da, before, x, w_x, back):
    """What da gives for x, w_x, w_h, b and h0, when the states `before` met w_h."""
    dw_x, dw_h = np.einsum("bti,btj->ij", x, da), np.einsum("bti,btj->ij", before, da)
    return da @ w_x.T, dw_x, dw_h, da.sum((0, 1)), da[:, 0] @ back


def _before(states, h0):
    return np.concatenate([h0[:, None], states[:, :-1]], 1)


def rnn_backward(grad, states, x, w_x, w_h, h0):
    return _collect(_walk(grad, 1 - states**2, w_h.T), _before(states, h0), x, w_x, w_h.T)


def _no_future(grad, states, x, w_x, w_h, h0):
    return _collect(_walk(grad, 1 - states**2, w_h.T, future=0), _before(states, h0), x, w_x, w_h.T)


def _no_local(grad, states, x, w_x, w_h, h0):
    return _collect(_walk(grad, 1 - states**2, w_h.T, local=0), _before(states, h0), x, w_x, w_h.T)


def _overwritten(grad, states, x, w_x, w_h, h0):
    dx, *_, dh0 = rnn_backward(grad, states, x, w_x, w_h, h0)
    da = _walk(grad, 1 - states**2, w_h.T)[:, :1]
    _, *last_written, _ = _collect(da, h0[:, None], x[:, :1], w_x, w_h.T)
    return dx, *last_written, dh0


def _pre_activation(grad, states, x, w_x, w_h, h0):
    slope = 1 - np.arctanh(states) ** 2
    return _collect(_walk(grad, slope, w_h.T), _before(states, h0), x, w_x, w_h.T)


def _not_transposed(grad, states, x, w_x, w_h, h0):
    return _collect(_walk(grad, 1 - states**2, w_h), _before(states, h0), x, w_x, w_h)


def _same_step(grad, states, x, w_x, w_h, h0):
    return _collect(_walk(grad, 1 - states**2, w_h.T), states, x, w_x, w_h.T)


def _draw(rng, batch, steps, n_in, n):
    x, w_x = rng.normal(size=(batch, steps, n_in)), rng.normal(size=(n_in, n)) / n_in**0.5
    w_h, h0 = rng.normal(size=(n, n)) / n**0.5, np.tanh(rng.normal(size=(batch, n)))
    states = rnn_forward(0.5 * x, w_x, w_h, 0.3 * rng.normal(size=n), h0)
    return rng.normal(size=states.shape), states, 0.5 * x, w_x, w_h, h0


def _cases(rng):
    yield Case("one short sequence", _draw(rng, 1, 2, 5, 3))
    yield Case("a batch", _draw(rng, 3, 5, 7, 2))
    yield Case("a long sequence", _draw(rng, 2, 23, 5, 3))
    grad, *rest = _draw(rng, 2, 7, 5, 3)
    grad[:, :-1] = 0
    yield Case("a loss on the last state only", (grad, *rest))


EXERCISE = Exercise(
    reference=rnn_backward,
    title="Back-propagation through time",
    position=2,
    points=13,
    difficulty=3,
    minutes=45,
    cases=_cases,
    outputs=("dx", "dw_x", "dw_h", "db", "dh0"),
    misconceptions={
        "no_gradient_from_the_future": (
            _no_future,
            "h_t also feeds h_{t+1}. Add the gradient that comes back from step t + 1 to the local one.",
        ),
        "local_gradient_dropped": (
            _no_local,
            "The gradient from the future replaces grad[:, t] in your loop. Both reach h_t: add them.",
        ),
        "weights_overwritten": (
            _overwritten,
            "The same weights are used at every step, so their gradients add up over time: += in the loop.",
        ),
        "slope_of_the_pre_activation": (
            _pre_activation,
            "tanh'(a) = 1 - tanh(a)^2 = 1 - h^2: square the state, not the sum before tanh.",
        ),
        "w_h_not_transposed": (_not_transposed, "Forward is h @ w_h, so backward is da @ w_h.T."),
        "state_of_the_same_step": (
            _same_step,
            "w_h met the state of the step before: dw_h adds h_{t-1}^T da_t, and h_{-1} is h0.",
        ),
    },
    hints=(
        "Walk from the last step to the first and carry one array: the gradient that step t + 1 sends to "
        "h_t.",
        "da_t = (grad_t + da_{t+1} w_h^T) (1 - h_t^2); dx_t = da_t w_x^T, dw_x = sum x_t^T da_t, dw_h = sum "
        "h_{t-1}^T da_t, db = sum da_t, dh0 = da_0 w_h^T.",
        "One unit, states [0, 0], x = [1, 1], w_x = 1, w_h = 2, h0 = 1, grad [1, 1]: da_1 = 1, da_0 = 1 + 2 "
        "= 3, so dx = [3, 1], dw_x = 4, dw_h = 0*1 + 1*3 = 3, db = 4, dh0 = 6.",
    ),
)
