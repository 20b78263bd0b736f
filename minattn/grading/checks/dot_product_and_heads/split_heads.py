"""Check of `split_heads`: (B, T, d_model) to (B, H, T, d)."""

from ...exercise import Case, Exercise


def split_heads(x, n_heads):
    b, t, d_model = x.shape
    return x.reshape(b, t, n_heads, d_model // n_heads).transpose(0, 2, 1, 3)


def _reshape_only(x, n_heads):
    b, t, d_model = x.shape
    return x.reshape(b, n_heads, t, d_model // n_heads)


def _no_transpose(x, n_heads):
    b, t, d_model = x.shape
    return x.reshape(b, t, n_heads, d_model // n_heads)


def _interleaved(x, n_heads):
    b, t, d_model = x.shape
    return x.reshape(b, t, d_model // n_heads, n_heads).transpose(0, 3, 1, 2)


def _time_last(x, n_heads):
    return split_heads(x, n_heads).swapaxes(-1, -2)


def _size_and_number_mixed_up(x, n_heads):
    return split_heads(x, x.shape[-1] // n_heads)


def _cases(rng):
    yield Case("two heads", (rng.normal(size=(3, 5, 14)), 2))
    yield Case("three heads", (rng.normal(size=(2, 7, 15)), 3))
    yield Case("heads of one number", (rng.normal(size=(2, 3, 5)), 5))
    yield Case("a batch of one", (rng.normal(size=(1, 11, 21)), 7))


EXERCISE = Exercise(
    reference=split_heads,
    title="Split a vector into heads",
    position=3,
    points=3,
    difficulty=1,
    minutes=10,
    cases=_cases,
    outputs=("heads",),
    misconceptions={
        "reshaped_without_transpose": (
            _reshape_only,
            "One reshape to (B, H, T, d) gives the right shape but mixes time steps. Split d_model first, "
            "then transpose.",
        ),
        "transpose_missing": (
            _no_transpose,
            "Yours is (B, T, H, d). Heads come before time: transpose(0, 2, 1, 3).",
        ),
        "heads_interleaved": (
            _interleaved,
            "Your head h takes every H-th number. A head is a block of d neighbours: reshape to (B, T, H, "
            "d).",
        ),
        "time_and_size_swapped": (_time_last, "The last two axes are (T, d), yours are (d, T)."),
        "number_and_size_of_heads_mixed_up": (
            _size_and_number_mixed_up,
            "There are n_heads heads of size d_model / n_heads.",
        ),
    },
    hints=(
        "Head h owns the block of numbers from h * d to (h + 1) * d of every time step. Which axis can you "
        "cut in two?",
        "x.reshape(B, T, H, d).transpose(0, 2, 1, 3) with d = d_model // H.",
        "x = [[[1, 2, 3, 4]]], H = 2: head 0 holds [[1, 2]], head 1 holds [[3, 4]].",
    ),
)
