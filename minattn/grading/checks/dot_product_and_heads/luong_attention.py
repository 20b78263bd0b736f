"""Check of `luong_attention`: global attention, attentional state (arXiv 1508.04025, equations 5, 7, 8)."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import mask_after, masked_softmax, padding


def _scores(h, states, w_a, score):
    return np.einsum("bn,bsn->bs", h if score == "dot" else h @ w_a, states)


def _context(h, states, mask, w_a, score, weigh=masked_softmax):
    weights = weigh(_scores(h, states, w_a, score), mask)
    return np.einsum("bs,bsn->bn", weights, states), weights


def luong_attention(h, states, mask, w_a, w_c, score):
    context, weights = _context(h, states, mask, w_a, score)
    return np.tanh(np.concatenate([context, h], -1) @ w_c), weights


def _context_returned(h, states, mask, w_a, w_c, score):
    return _context(h, states, mask, w_a, score)


def _no_tanh(h, states, mask, w_a, w_c, score):
    context, weights = _context(h, states, mask, w_a, score)
    return np.concatenate([context, h], -1) @ w_c, weights


def _wrong_order(h, states, mask, w_a, w_c, score):
    context, weights = _context(h, states, mask, w_a, score)
    return np.tanh(np.concatenate([h, context], -1) @ w_c), weights


def _mask_after(h, states, mask, w_a, w_c, score):
    context, weights = _context(h, states, mask, w_a, score, mask_after)
    return np.tanh(np.concatenate([context, h], -1) @ w_c), weights


def _transposed(h, states, mask, w_a, w_c, score):
    return luong_attention(h, states, mask, w_a.T, w_c, score)


def _scaled(h, states, mask, w_a, w_c, score):
    context, weights = _context(h / h.shape[-1] ** 0.5, states, mask, w_a, score)
    return np.tanh(np.concatenate([context, h], -1) @ w_c), weights


def _score_ignored(h, states, mask, w_a, w_c, score):
    return luong_attention(h, states, mask, w_a, w_c, "dot")


def _draw(rng, lengths, n, score, size=1.0):
    batch, longest = len(lengths), max(lengths) + 1
    h, states = rng.normal(size=(batch, n)) * size, rng.normal(size=(batch, longest, n)) * size
    w_a, w_c = rng.normal(size=(n, n)) / n**0.5, rng.normal(size=(2 * n, n)) / n**0.5 / size
    return h, states, padding(lengths, longest), w_a, w_c, score


def _cases(rng):
    yield Case("score dot", _draw(rng, [4, 2, 3], 7, "dot"))
    yield Case("score general", _draw(rng, [5, 3], 3, "general"))
    yield Case("a sentence of one word", _draw(rng, [1, 6, 4], 5, "general"))
    yield Case("scores around 10,000", _draw(rng, [4, 6], 3, "dot", 1e2))


EXERCISE = Exercise(
    reference=luong_attention,
    title="Luong's attention and the attentional state",
    position=5,
    points=8,
    difficulty=2,
    minutes=25,
    cases=_cases,
    outputs=("h_tilde", "weights"),
    row_sums=True,
    misconceptions={
        "context_returned": (
            _context_returned,
            "You return the context. The attentional state is tanh([context; h] w_c): one more layer.",
        ),
        "no_tanh": (_no_tanh, "The attentional state goes through tanh."),
        "state_before_context": (_wrong_order, "The context comes first in the concatenation: [context; h]."),
        "mask_after_softmax": (
            _mask_after,
            "Mask before softmax: padding already took a share of the weights.",
        ),
        "w_a_transposed": (
            _transposed,
            "general is h w_a against each state; you use w_a the other way round.",
        ),
        "scaled": (_scaled, "Luong's scores are not divided by sqrt(n); that came with the transformer."),
        "score_argument_ignored": (
            _score_ignored,
            'With score="general" the state h is multiplied by w_a first.',
        ),
    },
    hints=(
        "Scores, masked softmax, weighted sum: as before. Then one layer joins the context with the decoder "
        "state.",
        "dot: h . s; general: (h w_a) . s; context = sum_s weights_s s; h_tilde = tanh([context; h] w_c).",
        "n = 1, h = 1, states [ln 3, 0], dot: weights [3/4, 1/4], context 3/4 ln 3 = 0.824; w_c = [[1], "
        "[0]]: h_tilde = tanh(0.824) = 0.677.",
    ),
)
