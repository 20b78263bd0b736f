"""Check of `causal_mask`: who may look at whom, by position."""

import numpy as np

from ...exercise import Case, Exercise


def causal_mask(q_pos, k_pos):
    return k_pos <= q_pos[:, None]


def _strict(q_pos, k_pos):
    return k_pos < q_pos[:, None]


def _future(q_pos, k_pos):
    return k_pos >= q_pos[:, None]


def _true_forbids(q_pos, k_pos):
    return k_pos > q_pos[:, None]


def _by_index(q_pos, k_pos):
    return np.tri(len(q_pos), len(k_pos), dtype=bool)


def _aligned_at_the_end(q_pos, k_pos):
    return np.tri(len(q_pos), len(k_pos), len(k_pos) - len(q_pos), dtype=bool)


def _cases(rng):
    yield Case("a whole sentence", (np.arange(11), np.arange(11)))
    start = int(rng.integers(5, 11))
    yield Case("a chunk that follows cached keys", (np.arange(start, start + 5), np.arange(start + 5)))
    kept = np.sort(rng.choice(13, 7, replace=False))
    kept[0], kept[-1] = 0, 12
    yield Case("a cache from which keys were dropped", (np.arange(7, 12), kept))
    yield Case("keys in another order", (np.arange(3, 10), rng.permutation(13)))


EXERCISE = Exercise(
    reference=causal_mask,
    title="The causal mask",
    position=2,
    points=3,
    difficulty=1,
    minutes=10,
    cases=_cases,
    outputs=("mask",),
    misconceptions={
        "own_position_forbidden": (_strict, "A query may look at its own position too: <=, not <."),
        "looks_ahead": (
            _future,
            "The comparison is the wrong way round: keys must not be later than the query.",
        ),
        "true_forbids": (
            _true_forbids,
            "In this course True means may attend. Yours is True where it must not.",
        ),
        "index_instead_of_position": (
            _by_index,
            "np.tri counts rows and columns from 0. With a cache the first query is not at position 0: "
            "compare positions.",
        ),
        "last_query_meets_last_key": (
            _aligned_at_the_end,
            "You line up the last query with the last key. Dropped or reordered keys break that: compare "
            "positions.",
        ),
    },
    hints=(
        "One inequality between two arrays. Give one of them an axis so that NumPy compares every pair.",
        "mask[t, s] = k_pos[s] <= q_pos[t]; as arrays: k_pos[None, :] <= q_pos[:, None].",
        "q_pos [2], k_pos [0, 2, 3]: mask [[True, True, False]].",
    ),
)
