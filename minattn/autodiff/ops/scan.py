"""What the recurrent scans share. Inside a scan, arrays are (T, B, ..) in the order of the steps.

The products with the inputs do not depend on the state, so they are one matrix product before the loop.
Backpropagation through time walks the steps backwards with dL/dh. Truncated to tau steps, it keeps the
gradients apart by age (how many steps they have come) and drops them at age tau.
"""

import numpy as np

from ...backends import xp
from ..primitive import call


def sigmoid(x):
    """1 / (1 + e ** -x) of an array."""
    return 0.5 * (xp.tanh(0.5 * x) + 1)


def scan_order(x, reverse):
    """(B, T, ..) -> (T, B, ..), the last step first where `reverse`."""
    x = xp.swapaxes(x, 0, 1)
    return x[::-1] if reverse else x


def time_order(steps, reverse):
    """(T, B, ..) in scan order -> (B, T, ..) in time order, as a view."""
    return xp.swapaxes(steps[::-1] if reverse else steps, 0, 1)


def live_steps(valid, reverse):
    """valid (B, T) -> (T, B, 1) in scan order."""
    return None if valid is None else scan_order(valid, reverse)[..., None]


def _rows(x, reverse):
    return xp.ascontiguousarray(scan_order(x, reverse)).reshape(-1, x.shape[2])


def input_shares(x, w_x, b_x, reverse):
    """W_x x_t + b_x for all steps, (T, B, G H)."""
    shares = xp.matmul(_rows(x, reverse), w_x.T)
    if b_x is not None:
        shares += b_x
    return shares.reshape(x.shape[1], x.shape[0], w_x.shape[0])


def state_share(h, w_h, b_h):
    """W_h h + b_h, (B, G H)."""
    share = xp.matmul(h, w_h.T)
    return share if b_h is None else share + b_h


def argument_gradients(d_inputs, d_states, before, saved_arguments, reverse):
    """Gradients of x, w_x, w_h, b_x, b_h from those of the input shares and the state shares (T, B, G H).

    before           the states (T, B, H) that the state shares were made from
    saved_arguments  (x, w_x, b_x, b_h)
    """
    x, w_x, b_x, b_h = saved_arguments
    inputs, states = d_inputs.reshape(-1, d_inputs.shape[-1]), d_states.reshape(-1, d_states.shape[-1])
    return (
        lambda: time_order(xp.matmul(inputs, w_x).reshape(x.shape[1], x.shape[0], x.shape[2]), reverse),
        lambda: xp.matmul(inputs.T, _rows(x, reverse)),
        lambda: xp.matmul(states.T, before.reshape(-1, before.shape[-1])),
        None if b_x is None else lambda: xp.sum(inputs, axis=0),
        None if b_h is None else lambda: xp.sum(states, axis=0),
    )


def is_cut(truncate, steps):
    """True where truncation changes anything."""
    return truncate is not None and truncate < steps


class Backward:
    """dL/d(state) on its way back through the steps: `part` (ages, B, H); one age where nothing is cut."""

    def __init__(self, like, truncate, steps):
        self.cut = is_cut(truncate, steps)
        self.part = xp.zeros((truncate + 1 if self.cut else 1, *like.shape), dtype=like.dtype)

    def arrive(self, g):
        """Add this step's own gradient; returns what flows through the step (the oldest does not)."""
        self.part[0] += g
        return self.part[:-1] if self.cut else self.part

    def leave(self, part, live):
        """Go on with `part`, one step older; padding (not `live`) lets everything pass unchanged."""
        if self.cut:
            part = xp.concatenate([xp.zeros_like(part[:1]), part])
        self.part = part if live is None else xp.where(live, part, self.part)

    def total(self):
        """dL/d(state) before the first step."""
        return xp.sum(self.part, axis=0)


def all_ages(part, live):
    """The sum over the ages; padding gets nothing."""
    part = xp.sum(part, axis=0)
    return part if live is None else xp.where(live, part, 0)


def samples(gates, states):
    """Samples for a scan with so many gates and states."""

    def make(rng):
        x = rng.normal(size=(3, 5, 2))
        w_x, w_h = rng.normal(size=(gates * 7, 2)), rng.normal(size=(gates * 7, 7)) / 2
        b_x, b_h = rng.normal(size=gates * 7), rng.normal(size=gates * 7)
        start = [rng.normal(size=(3, 7)) for _ in range(states)]
        valid = np.arange(5) < np.array([[5], [3], [0]])
        yield call(x, w_x, w_h, b_x, b_h, *start)
        yield call(x, w_x, w_h, None, None, *start, valid)
        yield call(x, w_x, w_h, b_x, b_h, *start, valid, reverse=True)
        yield call(x[:0], w_x, w_h, b_x, b_h, *(s[:0] for s in start))

    return make
