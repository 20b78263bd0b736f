"""Normalisers: what brings a head's output to a size that does not grow with the tokens seen.

A normaliser may add columns to the values (`widen`) and acts on what the heads gathered (`finish`), so that
it is the same in all forms of a mixer.
"""

import math

from ...autodiff import ops
from ...backends import xp


class Unnormalised:
    """Outputs stay as they are. Base of the normalisers."""

    def widen(self, v):
        """v (B,H,T,d) -> (B,H,T,d or more)."""
        return v

    def finish(self, heads):
        """What was gathered of the widened values -> (B,H,T,d)."""
        return heads


class SumOfWeights(Unnormalised):
    """Divide by the sum of the weights: a 1 behind each value makes that sum the last column gathered.

    Rows then are weighted means, where weights are positive. A row without any real key gives 0.
    Source: arXiv 2006.16236, equation 5.
    """

    def widen(self, v):
        return ops.concatenate([v, xp.ones((*v.shape[:3], 1), dtype=v.dtype)], axis=-1)

    def finish(self, heads):
        total = heads[..., -1:]
        return heads[..., :-1] / (total + (total.data == 0).astype(total.dtype))


class UnitRMS(Unnormalised):
    """Divide by the root mean square, without a gain. Source: arXiv 2307.14995, SRMSNorm.

    axis   of heads (B,H,T,d): -1 norms each head by itself, (1, -1) all heads of a token together
    """

    def __init__(self, axis=-1):
        self.axis = axis

    def finish(self, heads):
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        total = ops.sum(heads * heads, axis=self.axis, keepdims=True)
        return heads * (total / math.prod(heads.shape[axis] for axis in axes) + 1e-6) ** -0.5
