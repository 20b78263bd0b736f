"""Dropout."""

import numpy as np

from ..autodiff import as_tensor, ops
from ..backends.graph import device_numbers
from ..errors import ArgumentError
from .init import check_rng
from .module import Module


class Dropout(Module):
    """In training, set each element to 0 with probability `rate` and scale the rest by 1 / (1 - rate).

    rate   in [0, 1)
    rng    Generator; its state belongs in a checkpoint, so that a resumed run drops the same elements
    Each call draws a key from rng, and the key says which elements are dropped: see `ops.dropout`.
    In eval mode, or at rate 0, returns its input and draws nothing. Source: Srivastava et al. (2014).
    """

    def __init__(self, rate, *, rng):
        if not 0 <= rate < 1:
            raise ArgumentError(
                "Dropout(rate)", expected="0 <= rate < 1", got=rate, hint="Dropout(0.1, rng=rng)"
            )
        self.rate, self.rng = rate, check_rng("Dropout", rng)

    @property
    def acts(self):
        """True while it changes what goes through."""
        return self.training and self.rate > 0

    def forward(self, x):
        x = as_tensor(x)
        return ops.dropout(x, self.rate, device_numbers(self._key, np.int64)) if self.acts else x

    def _key(self):
        return self.rng.integers(2**32, size=2)
