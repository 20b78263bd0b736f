"""Check of `rela`: rectified weights and a gated RMS norm of the output (arXiv 2104.07012)."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import masked_softmax, sigmoid


def _scores(q, k, scale=0.5):
    return q @ k.swapaxes(-1, -2) / q.shape[-1] ** scale


def _rectified(q, k, mask, scale=0.5):
    return np.maximum(_scores(q, k, scale), 0) * mask


def _gated_norm(z, w, eps):
    return sigmoid(w * z) * z / np.sqrt((z**2).mean(-1, keepdims=True) + eps)


def rela(q, k, v, mask, w, eps):
    return _gated_norm(_rectified(q, k, mask) @ v, w, eps)


def _rows_rescaled(q, k, v, mask, w, eps):
    a = _rectified(q, k, mask)
    total = a.sum(-1, keepdims=True)
    return _gated_norm(a / np.where(total == 0, 1, total) @ v, w, eps)


def _softmaxed(q, k, v, mask, w, eps):
    return _gated_norm(masked_softmax(_scores(q, k), mask) @ v, w, eps)


def _mean_subtracted(q, k, v, mask, w, eps):
    z = _rectified(q, k, mask) @ v
    return sigmoid(w * z) * (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + eps)


def _eps_outside(q, k, v, mask, w, eps):
    z = _rectified(q, k, mask) @ v
    return sigmoid(w * z) * z / (np.sqrt((z**2).mean(-1, keepdims=True)) + eps)


def _no_eps(q, k, v, mask, w, eps):
    z = _rectified(q, k, mask) @ v
    return sigmoid(w * z) * z / np.sqrt((z**2).mean(-1, keepdims=True))


def _zero_times_infinity(q, k, v, mask, w, eps):
    a = np.maximum(_scores(q, k) * mask + (1 - mask) * -np.inf, 0)
    return _gated_norm(a @ v, w, eps)


def _gate_on_the_normed(q, k, v, mask, w, eps):
    z = _rectified(q, k, mask) @ v
    normed = z / np.sqrt((z**2).mean(-1, keepdims=True) + eps)
    return sigmoid(w * normed) * normed


def _no_gate(q, k, v, mask, w, eps):
    return 2 * rela(q, k, v, mask, 0 * w, eps)


def _no_scale(q, k, v, mask, w, eps):
    return _gated_norm(_rectified(q, k, mask, 0) @ v, w, eps)


def _draw(rng, batch, heads, t, s, d, size=1.0):
    q, k = rng.normal(size=(batch, heads, t, d)), rng.normal(size=(batch, heads, s, d))
    mask = rng.random((t, s)) < 0.7
    mask[:, 0], mask[:, -1] = True, False
    return q, k, size * rng.normal(size=(batch, heads, s, d)), mask, rng.normal(size=d), 1e-6


def _cases(rng):
    yield Case("random weights", _draw(rng, 2, 3, 5, 7, 11))
    yield Case("tiny values: eps matters", _draw(rng, 1, 2, 7, 5, 3, 1e-3))
    q, k, *rest = _draw(rng, 2, 3, 5, 7, 2)
    q[:, :, :2], k = np.abs(q[:, :, :2]), -np.abs(k)
    q[:, :, 2:, 0] *= -3
    yield Case("queries that attend to nothing", (q, k, *rest))
    q, k, *rest = _draw(rng, 1, 2, 5, 7, 3)
    yield Case("scores around 10,000", (q * 1e2, k * 1e2, *rest))


EXERCISE = Exercise(
    reference=rela,
    title="Rectified linear attention",
    position=7,
    points=10,
    difficulty=3,
    minutes=35,
    cases=_cases,
    outputs=("out",),
    misconceptions={
        "rows_rescaled": (
            _rows_rescaled,
            "The rectified weights are not divided by their sum: then a query can attend a little, or to "
            "nothing.",
        ),
        "softmax_kept": (
            _softmaxed,
            "There is no softmax here: weights = max(scores, 0) where the mask allows.",
        ),
        "mean_subtracted": (_mean_subtracted, "RMS norm does not subtract the mean; that is layer norm."),
        "eps_outside_the_root": (_eps_outside, "eps is added inside the root: sqrt(mean(z^2) + eps)."),
        "no_eps": (
            _no_eps,
            "A query that attends to nothing has z = 0, and 0 / 0 is nan: eps goes inside the root.",
        ),
        "zero_times_infinity": (
            _zero_times_infinity,
            "0 * -inf is nan. After ReLU a forbidden weight is simply 0: multiply the weights by the mask.",
        ),
        "gate_reads_the_normed_output": (
            _gate_on_the_normed,
            "The gate is sigmoid(w * z) with z before the norm.",
        ),
        "gate_missing": (_no_gate, "The normed output must be multiplied by the gate sigmoid(w * z)."),
        "no_scale": (_no_scale, "The scores are divided by sqrt(d) as usual."),
    },
    hints=(
        "Scores as always, then the simplest function that is never negative. What replaces the division by "
        "the row sum?",
        "a = max(q k^T / sqrt(d), 0) * mask; z = a v; out = sigmoid(w * z) * z / sqrt(mean(z^2) + eps), "
        "mean over the last axis.",
        "z = [3, 4]: mean(z^2) = 12.5, root 3.536, z / root = [0.849, 1.131]; w = 0 gives a gate of 1/2: "
        "[0.424, 0.566].",
    ),
)
