"""What every score has in common."""

from ...errors import ShapeError
from ...nn import Module


class Score(Module):
    """Base of the scores: `forward(t)` reads t.q (B,H,T,d) and t.k (B,H,S,d), returns (B,H,T,S)."""

    fuses = False  # True where `forward` is scale(t) q k^T, so that the fused primitive may take its place
    reads_all = False  # True where the score of one key depends on other keys
    by_place = False  # True where it looks for places, not for what the keys hold
    d_query = d_key = None  # the lengths that it asks for; None: as long as the other

    def check(self, t):
        """Raise ShapeError where queries or keys have another length than the score asks for."""
        got = t.q.shape[-1], t.k.shape[-1]
        needed = self.d_query or got[1], self.d_key or got[1]
        if got != needed:
            raise ShapeError(
                type(self).__name__,
                expected=f"queries of length {needed[0]} and keys of length {needed[1]}",
                got=f"{got[0]} and {got[1]}",
                hint="General, Concat or Additive bridge different lengths",
            )
