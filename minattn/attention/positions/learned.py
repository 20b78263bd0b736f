"""Learned absolute positions."""

from ...errors import ShapeError
from ...nn import Embedding
from .base import Position


class LearnedPositions(Position):
    """Add a learned vector for each place 0..max_len-1 to the embeddings. Source: arXiv 1705.03122, section 3.1."""

    def __init__(self, max_len, d_model, *, rng, std=0.1):
        self.max_len = max_len
        self.table = Embedding(max_len, d_model, rng=rng, std=std)

    def embed(self, x, positions):
        if len(positions) and int(positions[-1]) >= self.max_len:
            raise ShapeError(
                f"LearnedPositions({self.max_len})",
                expected=f"at most {self.max_len} tokens",
                got=int(positions[-1]) + 1,
                hint="a larger max_len, or positions without a table (Rotary, ALiBi, Sinusoidal)",
            )
        return x + self.table(positions)
