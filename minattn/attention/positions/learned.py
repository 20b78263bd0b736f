"""Learned absolute positions."""

from ...backends import recording
from ...errors import ShapeError
from ...nn import Embedding
from .base import Position


class LearnedPositions(Position):
    """Add a learned vector for each place 0..max_len-1 to the embeddings.

    max_len   longest input; a longer one raises ShapeError
    d_model   length of the embeddings
    std       spread of the start values
    Acts in `embed`, which a model calls before its first layer. Source: arXiv 1705.03122, section 3.1.
    """

    def __init__(self, max_len, d_model, *, rng, std=0.1):
        self.max_len, self.d_model = max_len, d_model
        self.table = Embedding(max_len, d_model, rng=rng, std=std)

    def embed(self, x, positions):
        last = int(positions[-1]) if len(positions) and not recording() else 0
        if last >= self.max_len:
            raise ShapeError(
                f"LearnedPositions({self.max_len})",
                expected=f"at most {self.max_len} tokens",
                got=last + 1,
                hint="a larger max_len, or positions without a table (Rotary, ALiBi, Sinusoidal)",
            )
        return x + self.table(positions)
