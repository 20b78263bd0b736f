"""Location scores."""

from ...errors import ShapeError
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .base import Score


class Location(Score):
    """score = W_a q, one number a position: where to look depends on the query alone, never on the keys.

    d_query   length of the queries
    max_len   number of places, w_a is (d_query, max_len); longer contexts raise ShapeError, shorter ones use
              the first S columns
    Source: arXiv 1508.04025, equation 8.
    """

    by_place = True

    def __init__(self, d_query, max_len, *, rng):
        check_sizes("Location", d_query=d_query, max_len=max_len)
        self.d_query, self.max_len = d_query, max_len
        self.w_a = Parameter(init.glorot(rng, (d_query, max_len)))

    def forward(self, t):
        self.check(t)
        keys = t.k.shape[2]
        if keys > self.max_len:
            raise ShapeError(
                f"Location(max_len={self.max_len})",
                expected=f"at most {self.max_len} keys",
                got=keys,
                hint=f"Location(..., max_len={keys}), or a score that reads the keys",
            )
        return t.q @ self.w_a[:, :keys]
