"""The block-diagonal mask."""

from ...errors import ArgumentError


class Blocks:
    """Places of one block see each other: floor(q_pos / size) = floor(k_pos / size).

    size   places a block
    Source: arXiv 2311.13541, section 4.3 (the diagonal part).
    """

    def __init__(self, size):
        if not size >= 1:
            raise ArgumentError("Blocks(size)", expected="size >= 1", got=size, hint="Blocks(16)")
        self.size = size

    def __call__(self, t):
        return t.q_pos[:, None] // self.size == t.k_pos[None, :] // self.size
