"""Every translator, small, with sizes that differ pairwise."""

import numpy as np

from minattn import attention
from minattn.models import (
    Bahdanau,
    InputFeedingLuong,
    Luong,
    Plain,
    PostNorm,
    TiedTransformer,
    Transformer,
)

SOURCE, TARGET, WIDTH = 13, 17, 10  # vocabularies; length of a key and of the decoder's state
SIZES = {"d_embed": 6, "d_encoder": WIDTH // 2, "d_decoder": WIDTH}


def luong(make):
    return lambda rng: Luong(SOURCE, TARGET, **SIZES, attention=make(rng), rng=rng)


def transformer(cls, **settings):
    return lambda rng: cls(SOURCE, TARGET, d_model=12, n_heads=3, rng=rng, **settings)


MAKERS = {
    "plain": lambda rng: Plain(SOURCE, TARGET, **SIZES, rng=rng),
    "bahdanau": lambda rng: Bahdanau(SOURCE, TARGET, **SIZES, d_score=7, rng=rng),
    "input feeding": lambda rng: InputFeedingLuong(SOURCE, TARGET, **SIZES, rng=rng),
    "dot": luong(lambda rng: attention.luong_dot()),
    "general": luong(lambda rng: attention.luong_general(WIDTH, WIDTH, rng=rng)),
    "concat": luong(lambda rng: attention.luong_concat(WIDTH, WIDTH, 7, rng=rng)),
    "location": luong(lambda rng: attention.luong_location(WIDTH, 11, rng=rng)),
    "local-m": luong(lambda rng: attention.luong_local_m(2)),
    "local-p": luong(lambda rng: attention.luong_local_p(WIDTH, 3, rng=rng)),
    "transformer": transformer(Transformer, n_layers=2),
    "post-norm": transformer(Transformer, residual=PostNorm),
    "tied": transformer(TiedTransformer),
    "relative": lambda rng: transformer(
        Transformer, positions=[attention.Relative(4, 3, rng=rng)], n_layers=2
    )(rng),
}


def sentences(seed=0):
    """source (5, 7) and target (5, 9), of different lengths, ended by 2 and padded with 0."""
    rng = np.random.default_rng(seed)

    def draw(n_tokens, lengths, width):
        ids = rng.integers(3, n_tokens, size=(len(lengths), width))
        places, ends = np.arange(width), np.array(lengths)[:, None] - 1
        return np.where(places < ends, ids, np.where(places == ends, 2, 0))

    return draw(SOURCE, (7, 4, 2, 6, 1), 7), draw(TARGET, (5, 9, 3, 1, 8), 9)
