"""Check of `context_vector`: the weighted sum of encoder states."""

import numpy as np

from ...exercise import Case, Exercise
from ..parts import masked_softmax as weigh
from ..parts import padding, softmax


def context_vector(weights, states):
    return np.einsum("bs,bsn->bn", weights, states)


def _mean(weights, states):
    return context_vector(weights, states) / states.shape[1]


def _not_summed(weights, states):
    return weights[:, :, None] * states


def _batch_mixed(weights, states):
    return np.einsum("bs,csn->bn", weights, states)


def _hardest(weights, states):
    return states[np.arange(len(states)), weights.argmax(1)]


def _softmax_again(weights, states):
    return context_vector(softmax(weights), states)


def _weights_ignored(weights, states):
    return states.mean(1)


def _cases(rng):
    yield Case("one sentence", (softmax(rng.normal(size=(1, 5))), rng.normal(size=(1, 5, 3))))
    yield Case("a batch", (softmax(rng.normal(size=(3, 7))), rng.normal(size=(3, 7, 2))))
    weights = weigh(rng.normal(size=(5, 3)), padding([3, 1, 2, 3, 2], 3))
    yield Case("padded sentences", (weights, rng.normal(size=(5, 3, 7))))


EXERCISE = Exercise(
    reference=context_vector,
    title="The context vector",
    position=3,
    points=3,
    difficulty=1,
    minutes=10,
    cases=_cases,
    outputs=("context",),
    misconceptions={
        "divided_by_the_length": (_mean, "The weights sum to one already: sum, do not average."),
        "not_summed": (
            _not_summed,
            "You scale the states but do not add them up: sum over the keys (axis 1).",
        ),
        "batch_mixed": (
            _batch_mixed,
            "States of other sentences of the batch flow in: row b uses states[b] only.",
        ),
        "only_the_largest_weight": (
            _hardest,
            "You pick the state with the largest weight. A soft choice keeps every state, so that gradients "
            "can flow.",
        ),
        "softmax_twice": (
            _softmax_again,
            "The argument holds weights already; a second softmax flattens them.",
        ),
        "weights_not_used": (_weights_ignored, "This is the plain mean of the states: use the weights."),
    },
    hints=(
        "Each state counts as much as its weight says. Which axis disappears?",
        "c_b = sum_s weights_bs states_bs; as arrays: (weights[:, :, None] * states).sum(1).",
        "weights [1/4, 3/4], states [[4, 0], [0, 4]]: context = [1/4 * 4, 3/4 * 4] = [1, 3].",
    ),
)
