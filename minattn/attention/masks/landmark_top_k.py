"""Blocks that are found by their landmarks."""

import math

from ...backends import xp
from ...nn.checks import check_sizes
from .block_top_k import BlockTopK


class LandmarkTopK(BlockTopK):
    """A query sees its own block, and of the blocks before it the `top` whose landmarks score highest.

    block   tokens before each landmark, as in weights.GroupedSoftmax: block + 1 places a block
    top     how many blocks each query and head fetches
    Only landmarks and the fetched blocks need to be scored. With as many blocks as there are, all are seen.
    Source: arXiv 2305.16300, section 3.2.
    """

    def __init__(self, block, top):
        check_sizes("LandmarkTopK", block=block)
        super().__init__(block + 1, top)

    def _fit(self, t, names, place):
        """(B,H,T,blocks): the scores of the landmarks; -inf where a block has none, or padding."""
        marks = t.k_pos % self.block == self.block - 1
        fit = xp.full((*t.scores.shape[:3], len(names)), -math.inf, dtype=t.scores.dtype)
        seen = t.scores.data[..., marks]
        if t.valid is not None:
            seen = xp.where(t.valid[:, None, None, marks], seen, -math.inf)
        fit[..., place[marks]] = seen
        return fit
