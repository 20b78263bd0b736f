"""Keys by the block: each query picks the blocks that fit it best."""

import math

from ...backends import xp
from ...errors import ArgumentError


class BlockTopK:
    """A query sees its own block of keys, and of the blocks before it the `top` that fit it best.

        fit(i, b) = q_i . mean of the keys in block b        block b: places b * block .. (b+1) * block - 1

    Beside it put Causal. The choice passes no gradient on; keys learn through the weights that they get.
    Padding does not count in the mean. With as many blocks as there are, this is full attention (tested).
    Source: arXiv 2502.13189, section 2.2. Ours: the own block does not count among the `top`; ties all pass.
    """

    def __init__(self, block, top):
        if not (block >= 1 and top >= 0):
            raise ArgumentError(
                "BlockTopK(block, top)",
                expected="block >= 1, top >= 0",
                got=(block, top),
                hint="BlockTopK(8, 2)",
            )
        self.block, self.top = block, top

    def __call__(self, t):
        """(B,H,T,S)."""
        place, own = t.k_pos // self.block, (t.q_pos // self.block)[:, None]
        names = xp.arange(int(place.max()) + 1 if len(place) else 0)
        chosen = (names == own) | self._best(self._fit(t, names, place), names < own)
        return chosen[..., place]

    def _fit(self, t, names, place):
        """(B,H,T,blocks)."""
        keys = xp.repeat(t.k.data, t.q.shape[1] // t.k.shape[1], axis=1)
        member = names[:, None] == place  # (blocks, S), or (B,1,blocks,S) with padding
        member = member if t.valid is None else member & t.valid[:, None, None]
        count = member.sum(-1).astype(keys.dtype)
        means = member.astype(keys.dtype) @ keys / xp.maximum(count, 1)[..., None]
        return xp.where(count[..., None, :] > 0, t.q.data @ xp.swapaxes(means, -1, -2), -math.inf)

    def _best(self, fit, past):
        """Of the blocks in the past, those whose fit is among the `top` largest."""
        if not self.top or not fit.shape[-1]:
            return xp.zeros(fit.shape, dtype=bool)
        fit = xp.where(past, fit, -math.inf)
        least = xp.sort(fit, axis=-1)[..., -min(self.top, fit.shape[-1]), None]
        return past & (fit >= least) & (fit > -math.inf)
