"""Sinusoidal positions."""

from ...autodiff import as_tensor
from ...backends import xp
from ...errors import ArgumentError
from ...nn.checks import check_sizes
from .base import Position


class Sinusoidal(Position):
    """Add waves of many lengths to the embeddings: sin and cos of pos / base^(2i / d_model).

    d_model   even
    base      longest wave, in units of 2 pi places
    No parameters, no longest input. Acts in `embed`, which a model calls before its first layer.
    Source: arXiv 1706.03762, section 3.5.

    >>> Sinusoidal(4).table([0]).tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, d_model, base=10000.0):
        check_sizes("Sinusoidal", d_model=d_model)
        if d_model % 2:
            raise ArgumentError(
                f"Sinusoidal({d_model})", expected="an even d_model", got=d_model, hint=f"{d_model + 1}"
            )
        self.d_model, self.base = d_model, base

    def table(self, positions):
        """(T,) -> (T, d_model): sines at even indices, cosines at odd ones."""
        waves = self.base ** (-xp.arange(0, self.d_model, 2) / self.d_model)
        angles = xp.asarray(positions)[:, None] * waves
        return xp.stack([xp.sin(angles), xp.cos(angles)], axis=-1).reshape(len(positions), self.d_model)

    def embed(self, x, positions):
        return as_tensor(x) + self.table(positions)
