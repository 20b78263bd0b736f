"""Efficient attention whose values are mixed along the sequence first."""

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError, ShapeError
from ...nn import Parameter
from .optimised import Efficient


class Super(Efficient):
    """Efficient, with values that a learned matrix mixes along the sequence: v = W_A c, from the left.

    max_len   L; w_a is (L, L) and starts as the identity; S < L keys use its first S rows and columns
    The rest as in Efficient. Each token's value is a fixed mixture of places, whatever they hold. Raises
    ShapeError for longer contexts, ArgumentError with a KVCache (old values would change with every token).
    Source: arXiv 2403.01643, section 3. Ours: contexts that are shorter than L.
    """

    mixes_tokens = True  # so that a cache refuses it

    def __init__(self, d_model, n_heads, max_len, *, rng, bias=True):
        super().__init__(d_model, n_heads, rng=rng, bias=bias)
        if max_len < 1:
            raise ArgumentError(f"Super(max_len={max_len})", expected=">= 1", got=max_len, hint="max_len=16")
        self.max_len, self.w_a = max_len, Parameter(np.eye(max_len))

    def mixture(self, n):
        """(n, n): how much of each place (columns) a value takes."""
        return self.w_a[:n, :n]

    def values(self, context):
        if context.shape[1] > self.max_len:
            raise ShapeError(
                f"{type(self).__name__}(max_len={self.max_len})",
                expected=f"at most {self.max_len} tokens",
                got=context.shape,
                hint=f"max_len={context.shape[1]}",
            )
        return self.mixture(context.shape[1]) @ context


class CausalSuper(Super):
    """Super whose values take nothing from later tokens: w_a counts on and below its diagonal only.

    Arguments as in Super; it belongs with the mask Causal. Source: ours, for arXiv 2403.01643.
    """

    def mixture(self, n):
        return ops.where(xp.tril(xp.ones((n, n), dtype=bool)), self.w_a[:n, :n], 0.0)
