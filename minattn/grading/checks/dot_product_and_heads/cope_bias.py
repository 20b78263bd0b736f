"""Check of `cope_bias`: positions that are counted by content (arXiv 2405.18719, equations 3 to 6)."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import sigmoid


def _causal(t):
    return np.tri(t, dtype=bool)


def _gates(q, k, scale=0.5, causal=True):
    gates = sigmoid(q @ k.swapaxes(-1, -2) / q.shape[-1] ** scale)
    return gates * _causal(q.shape[-2]) if causal else gates


def _from_the_right(gates):
    return np.flip(np.flip(gates, -1).cumsum(-1), -1)


def _interpolate(q, e, p, swap=False):
    """q . e at the real position p, between the two neighbouring whole ones; 0 for keys of the future."""
    z = q @ e.T
    p = np.clip(p, 0, len(e) - 1)
    low = np.floor(p).astype(int)
    high, part = np.ceil(p).astype(int), p - low
    part = 1 - part if swap else part
    bias = part * np.take_along_axis(z, high, -1) + (1 - part) * np.take_along_axis(z, low, -1)
    return bias * _causal(q.shape[-2])


def cope_bias(q, k, e):
    return _interpolate(q, e, _from_the_right(_gates(q, k)))


def _from_the_left(q, k, e):
    return _interpolate(q, e, _gates(q, k).cumsum(-1))


def _future_counted(q, k, e):
    return _interpolate(q, e, _from_the_right(_gates(q, k, causal=False)))


def _rounded_down(q, k, e):
    return _interpolate(q, e, np.floor(_from_the_right(_gates(q, k))))


def _parts_swapped(q, k, e):
    return _interpolate(q, e, _from_the_right(_gates(q, k)), swap=True)


def _own_gate_left_out(q, k, e):
    gates = _gates(q, k)
    return _interpolate(q, e, _from_the_right(gates) - gates)


def _no_scale(q, k, e):
    return _interpolate(q, e, _from_the_right(_gates(q, k, 0)))


def _distance(q, k, e):
    t = q.shape[-2]
    return _interpolate(q, e, np.broadcast_to(np.arange(t)[:, None] - np.arange(t) + 1, (*q.shape[:2], t, t)))


def _draw(rng, batch, heads, t, d, n_positions):
    q, k = rng.normal(size=(batch, heads, t, d)), rng.normal(size=(batch, heads, t, d))
    return q, k, rng.normal(size=(n_positions, d))


def _cases(rng):
    yield Case("a short sequence", _draw(rng, 2, 3, 5, 7, 11))
    yield Case("fewer positions than tokens", _draw(rng, 1, 2, 13, 5, 3))
    yield Case("a long sequence", _draw(rng, 3, 1, 17, 2, 7))


EXERCISE = Exercise(
    reference=cope_bias,
    title="Contextual position encoding",
    position=8,
    points=13,
    difficulty=3,
    minutes=45,
    cases=_cases,
    outputs=("bias",),
    misconceptions={
        "counted_from_the_left": (
            _from_the_left,
            "Your position counts from the start of the sequence. It must count from key j to the query: "
            "flip, cumsum, flip.",
        ),
        "future_gates_counted": (
            _future_counted,
            "Gates of keys after the query are summed too: set them to 0 before the cumulative sum.",
        ),
        "rounded_down": (
            _rounded_down,
            "Positions are real numbers: mix the embeddings of both whole neighbours.",
        ),
        "neighbours_swapped": (
            _parts_swapped,
            "The neighbour that is nearer must count more; your two shares are swapped.",
        ),
        "own_gate_left_out": (_own_gate_left_out, "The sum runs from j to i, the gate of key j included."),
        "gates_without_scale": (_no_scale, "The gate is sigmoid(q . k / sqrt(d)); the division is missing."),
        "plain_distance": (
            _distance,
            "These are ordinary relative positions; the gates decide which tokens count.",
        ),
    },
    hints=(
        "Three steps: a gate for every pair, a sum of gates from the key up to the query, a value read off "
        "between two embeddings.",
        "g_ij = sigmoid(q_i . k_j / sqrt(d)) for j <= i, else 0; p_ij = sum_{t=j..i} g_it, at most P - 1; z "
        "= q e^T; bias_ij = (1 - f) z[floor p] + f z[ceil p], f = p - floor p.",
        "All gates 1/2 (q . k = 0), query i = 2: p = [1.5, 1, 0.5]. With z = [0, 10, 30]: bias = [20, 10, "
        "5].",
    ),
)
