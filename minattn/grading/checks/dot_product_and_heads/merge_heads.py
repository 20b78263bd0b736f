"""Check of `merge_heads`: (B, H, T, d) back to (B, T, d_model)."""

from ...exercise import Case, Exercise


def merge_heads(x):
    b, h, t, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, t, h * d)


def _reshape_only(x):
    b, h, t, d = x.shape
    return x.reshape(b, t, h * d)


def _interleaved(x):
    b, h, t, d = x.shape
    return x.transpose(0, 2, 3, 1).reshape(b, t, h * d)


def _summed(x):
    return x.sum(1)


def _averaged(x):
    return x.mean(1)


def _reversed_heads(x):
    return merge_heads(x[:, ::-1])


def _cases(rng):
    yield Case("two heads", (rng.normal(size=(3, 2, 5, 7)),))
    yield Case("three heads", (rng.normal(size=(2, 3, 7, 5)),))
    yield Case("a batch of one", (rng.normal(size=(1, 5, 11, 3)),))


EXERCISE = Exercise(
    reference=merge_heads,
    title="Put the heads together again",
    position=4,
    points=3,
    difficulty=1,
    minutes=10,
    cases=_cases,
    misconceptions={
        "reshaped_without_transpose": (
            _reshape_only,
            "reshape reads the numbers in memory order: head by head. Bring time before the heads first.",
        ),
        "heads_interleaved": (
            _interleaved,
            "You mix the heads number by number. The d numbers of a head stay together: transpose(0, 2, 1, "
            "3).",
        ),
        "heads_summed": (
            _summed,
            "The heads are laid side by side, not added: the result has H * d columns.",
        ),
        "heads_averaged": (
            _averaged,
            "The heads are laid side by side, not averaged: the result has H * d columns.",
        ),
        "heads_in_reverse_order": (_reversed_heads, "Head 0 comes first."),
    },
    hints=(
        "It must undo `split_heads`: do its two steps in the opposite order.",
        "x.transpose(0, 2, 1, 3).reshape(B, T, H * d).",
        "Heads [[1, 2]] and [[3, 4]] of one time step: merged [[1, 2, 3, 4]].",
    ),
)
