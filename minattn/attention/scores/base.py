"""What every score has in common."""

from ...errors import ShapeError
from ...nn import Module


class Score(Module):
    """Base of the scores: `forward(t)` reads t.q (B,H,T,d) and t.k (B,H,S,d), returns (B,H,T,S)."""

    def scale(self, d):
        """The factor c where the score is c q k^T (the fused primitive can compute it), else None."""
        return None

    def check(self, t, d_query=None, d_key=None):
        """Raise ShapeError unless queries and keys have these lengths (None: the same length)."""
        q, k = t.q.shape[-1], t.k.shape[-1]
        d_query, d_key = d_query or q, d_key or q
        if (q, k) != (d_query, d_key):
            raise ShapeError(
                type(self).__name__,
                expected=f"queries of length {d_query} and keys of length {d_key}",
                got=f"{q} and {k}",
                hint="General, Concat or Additive bridge different lengths",
            )
