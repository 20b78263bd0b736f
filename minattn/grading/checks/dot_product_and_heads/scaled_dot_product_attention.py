"""Check of `scaled_dot_product_attention` (arXiv 1706.03762, equation 1), with a boolean mask."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import mask_after, masked_softmax, padding, softmax


def _scores(q, k, scale=0.5):
    return q @ k.swapaxes(-1, -2) / q.shape[-1] ** scale


def scaled_dot_product_attention(q, k, v, mask):
    return masked_softmax(_scores(q, k), mask) @ v


def _no_scale(q, k, v, mask):
    return masked_softmax(_scores(q, k, 0), mask) @ v


def _scaled_by_d(q, k, v, mask):
    return masked_softmax(_scores(q, k, 1), mask) @ v


def _over_queries(q, k, v, mask):
    scores = np.where(mask, _scores(q, k), -np.inf).swapaxes(-1, -2)
    return masked_softmax(scores, np.isfinite(scores)).swapaxes(-1, -2) @ v


def _mask_after(q, k, v, mask):
    return mask_after(_scores(q, k), mask) @ v


def _mask_ignored(q, k, v, mask):
    return softmax(_scores(q, k)) @ v


def _inverted(q, k, v, mask):
    return masked_softmax(_scores(q, k), ~np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))) @ v


def _uniform_empty_row(q, k, v, mask):
    return softmax(np.where(mask, _scores(q, k), -1e9)) @ v


def _no_shift(q, k, v, mask):
    e = np.exp(_scores(q, k)) * mask
    return e / np.where(mask.any(-1, keepdims=True), e.sum(-1, keepdims=True), 1) @ v


def _draw(rng, batch, heads, t, s, d, d_v, size=1.0):
    q, k = rng.normal(size=(batch, heads, t, d)) * size, rng.normal(size=(batch, heads, s, d)) * size
    return q, k, rng.normal(size=(batch, heads, s, d_v))


def _cases(rng):
    yield Case(
        "one mask for all (T, S)", (*_draw(rng, 2, 3, 5, 7, 11, 13), np.arange(7) <= np.arange(5)[:, None])
    )
    yield Case(
        "padded keys (B, 1, 1, S)", (*_draw(rng, 3, 2, 5, 7, 4, 3), padding([5, 3, 6], 7)[:, None, None])
    )
    mask = rng.random((2, 3, 7, 5)) < 0.5
    mask[..., 0], mask[..., 1] = True, False
    mask[:, :, 2] = False
    yield Case("rows that may look nowhere", (*_draw(rng, 2, 3, 7, 5, 2, 11), mask))
    q, k, v = _draw(rng, 1, 2, 5, 3, 7, 4, 1e2)
    yield Case("scores around 10,000", (q, k, v, np.arange(3) <= np.arange(5)[:, None]), weight=2)


EXERCISE = Exercise(
    reference=scaled_dot_product_attention,
    title="Scaled dot-product attention",
    position=1,
    points=8,
    difficulty=2,
    minutes=25,
    cases=_cases,
    outputs=("out",),
    misconceptions={
        "no_scale": (
            _no_scale,
            "The scores are not divided by sqrt(d): they grow with d and softmax becomes one-hot.",
        ),
        "scaled_by_d": (_scaled_by_d, "Divide by the square root of d, not by d."),
        "softmax_over_the_queries": (
            _over_queries,
            "Each query's weights over the keys must sum to one: softmax along the last axis of (B, H, T, "
            "S).",
        ),
        "mask_after_softmax": (
            _mask_after,
            "Masked keys already took their share in softmax. Mask the scores, with -inf.",
        ),
        "mask_ignored": (_mask_ignored, "The mask has no effect on your result."),
        "mask_inverted": (_inverted, "True means may attend; you keep what the mask forbids."),
        "empty_row_uniform": (
            _uniform_empty_row,
            "A query that may attend nowhere averages all values in your result. It must give zeros.",
        ),
        "no_largest_subtracted": (
            _no_shift,
            "exp overflows for large scores: subtract the largest score of each row.",
        ),
    },
    hints=(
        "Four lines: scores, mask, weights, sum. The weights are the masked softmax of the lesson before.",
        "scores = q k^T / sqrt(d) (transpose the last two axes only); weights = masked softmax over keys; "
        "out = weights v.",
        "d = 4, q = [[2, 0, 0, 0]], k = [[ln 3, 0, 0, 0], [0, 0, 0, 0]], v = [[4], [0]]: scores [ln 3, 0], "
        "weights [3/4, 1/4], out [[3]].",
    ),
)
