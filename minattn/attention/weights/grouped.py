"""Softmax in two steps: which block, and which of its tokens? A landmark answers for its block."""

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn.checks import check_sizes
from .base import Weights

LOWEST = -1e30  # finite, so that a block without a token that may be seen has gradients


class GroupedSoftmax(Weights):
    """Weights for a text with a landmark after every `block` tokens (see worlds.passages).

    The tokens of the query's own block and the landmarks of all other blocks share one softmax; the tokens of
    another block share a softmax of their own, times the weight of their landmark. Landmarks get 0:

        own token            S(token)                          S: softmax within a group
        other token          S(token) S(landmark of its block)
        landmark             0

    So the key of a landmark learns to say what is in its block, and a search may look at landmarks first
    (masks.LandmarkTopK). Places tell who is who: landmarks stand at block, 2 block + 1, .. and the own
    landmark is ignored, also by a query that is one. Places must go up by 1.
    Source: arXiv 2305.16300, equations 1 to 4. Ours: computed as a softmax over blocks, in which the own
    block counts with the log of its sum; a landmark whose tokens are all masked counts for nothing.
    """

    by_place = True

    def __init__(self, block):
        check_sizes("GroupedSoftmax", block=block)
        self.block = block

    def forward(self, t):
        scores, mask, first = self._by_block(t)  # (B,H,T,blocks,block + 1)
        tokens, seen = scores[..., :-1], mask[..., :-1]
        inside = ops.softmax(tokens, seen)
        sums = ops.logsumexp(ops.where(seen, tokens, LOWEST))
        own = (t.q_pos // (self.block + 1))[:, None] == first + xp.arange(scores.shape[-2])
        some = seen.any(-1)
        which = ops.softmax(ops.where(own, sums, scores[..., -1]), some & (own | mask[..., -1]))
        weights = inside * ops.expand_dims(which, -1)
        weights = ops.pad(weights, ((0, 0),) * 4 + ((0, 1),))  # nothing for landmarks
        before = int(t.k_pos[0]) - first * (self.block + 1) if len(t.k_pos) else 0
        flat = ops.reshape(weights, (*weights.shape[:3], -1))
        return flat[..., before : before + t.scores.shape[-1]]

    def _by_block(self, t):
        """Scores and mask with the keys in whole blocks, and the number of the first of them."""
        n, keys = self.block + 1, t.scores.shape[-1]
        if t.offset is None:
            raise ArgumentError(
                "GroupedSoftmax",
                expected="keys whose places go up by 1",
                got="a memory that moves or drops keys",
                hint="masks.LandmarkTopK chooses blocks and leaves every key where it is",
            )
        start = int(t.k_pos[0]) if keys else 0
        around = (start % n, -(start % n + keys) % n)
        mask = xp.broadcast_to(True if t.mask is None else t.mask, t.scores.shape)
        mask = xp.pad(mask, ((0, 0),) * 3 + (around,))
        scores = ops.pad(t.scores, ((0, 0),) * 3 + (around,))
        shape = (*scores.shape[:3], scores.shape[-1] // n, n)
        return ops.reshape(scores, shape), mask.reshape(shape), start // n
