"""Check of `local_p`: a predicted centre and a window around it (arXiv 1508.04025, equations 9 and 10)."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import masked_softmax, padding, sigmoid


def _centre(h, mask, w_p, v_p):
    return mask.sum(-1) * sigmoid(np.tanh(h @ w_p) @ v_p)


def _window(h, states, mask, centre, width, sigma, soft=2):
    """Weights inside the window, times the bell exp(-distance^2 / (soft sigma^2))."""
    distance = np.arange(mask.shape[-1]) - centre[:, None]
    scores = np.einsum("bn,bsn->bs", h, states)
    near = mask & (np.abs(distance) <= width)
    return masked_softmax(scores, near), np.exp(-(distance**2) / (soft * sigma**2)), near


def local_p(h, states, mask, w_p, v_p, width):
    centre = _centre(h, mask, w_p, v_p)
    align, bell, _ = _window(h, states, mask, centre, width, width / 2)
    return centre, align * bell


def _rounded(h, states, mask, w_p, v_p, width):
    centre = np.rint(_centre(h, mask, w_p, v_p))
    align, bell, _ = _window(h, states, mask, centre, width, width / 2)
    return centre, align * bell


def _renormalised(h, states, mask, w_p, v_p, width):
    centre, weights = local_p(h, states, mask, w_p, v_p, width)
    return centre, weights / weights.sum(-1, keepdims=True)


def _sigma_is_width(h, states, mask, w_p, v_p, width):
    centre = _centre(h, mask, w_p, v_p)
    align, bell, _ = _window(h, states, mask, centre, width, width)
    return centre, align * bell


def _factor_two_missing(h, states, mask, w_p, v_p, width):
    centre = _centre(h, mask, w_p, v_p)
    align, bell, _ = _window(h, states, mask, centre, width, width / 2, soft=1)
    return centre, align * bell


def _softmax_before_window(h, states, mask, w_p, v_p, width):
    centre = _centre(h, mask, w_p, v_p)
    _, bell, near = _window(h, states, mask, centre, width, width / 2)
    align = masked_softmax(np.einsum("bn,bsn->bs", h, states), mask)
    return centre, align * bell * near


def _padded_length(h, states, mask, w_p, v_p, width):
    centre = _centre(h, np.ones_like(mask), w_p, v_p)
    align, bell, _ = _window(h, states, mask, centre, width, width / 2)
    return centre, align * bell


def _no_bell(h, states, mask, w_p, v_p, width):
    centre = _centre(h, mask, w_p, v_p)
    return centre, _window(h, states, mask, centre, width, width / 2)[0]


def _draw(rng, lengths, n, width):
    batch, longest = len(lengths), max(lengths) + 2
    h, states = rng.normal(size=(batch, n)), rng.normal(size=(batch, longest, n))
    w_p, v_p = rng.normal(size=(n, n)) / n**0.5, rng.normal(size=n) / n**0.5
    return h, states, padding(lengths, longest), w_p, v_p, width


def _cases(rng):
    yield Case("a narrow window", _draw(rng, [11, 7, 9], 5, 2))
    yield Case("a wider window", _draw(rng, [13, 17], 3, 4))
    yield Case("short sentences", _draw(rng, [3, 5, 4], 7, 3))


EXERCISE = Exercise(
    reference=local_p,
    title="Local attention with a predicted centre",
    position=6,
    points=10,
    difficulty=3,
    minutes=35,
    cases=_cases,
    outputs=("centre", "weights"),
    row_sums=True,
    misconceptions={
        "centre_rounded": (
            _rounded,
            "Keep the centre a real number: rounding has no gradient, so it could not be learned.",
        ),
        "weights_rescaled": (
            _renormalised,
            "The product with the bell is not rescaled: rows sum to less than one.",
        ),
        "sigma_is_the_width": (
            _sigma_is_width,
            "The standard deviation is half the width: sigma = width / 2.",
        ),
        "factor_two_missing": (
            _factor_two_missing,
            "The bell is exp(-distance^2 / (2 sigma^2)); the 2 is missing.",
        ),
        "softmax_before_the_window": (
            _softmax_before_window,
            "The softmax runs over the window only; you took it over the whole sentence and cut afterwards.",
        ),
        "padding_counted": (
            _padded_length,
            "The centre is a share of the real length of each sentence, not of the padded one.",
        ),
        "bell_forgotten": (
            _no_bell,
            "The weights inside the window still have to be multiplied by the bell.",
        ),
    },
    hints=(
        "First the centre for each sentence, then which places are near it, then attention there, then the "
        "bell.",
        "p = length * sigmoid(tanh(h w_p) v_p); near = mask and |s - p| <= width; weights = masked "
        "softmax(h . states, near) * exp(-(s - p)^2 / (2 (width/2)^2)).",
        "v_p = 0, length 4: p = 4 * 1/2 = 2. width 2, sigma 1: the bell is 1 at s = 2 and exp(-1/2) = 0.607 "
        "at s = 1 and 3.",
    ),
)
