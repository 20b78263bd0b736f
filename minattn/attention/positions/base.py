"""What every position has in common."""

from ...nn import Module


class Position(Module):
    """Base: a position that does nothing. Subclasses override the steps in which they act."""

    fuses = True  # False where it acts on scores or values in a way that the fused primitive cannot

    def embed(self, x, positions):
        """x (B,T,d_model) with something added at `positions` (T,), before the first layer."""
        return x

    def rotate(self, t):
        """The queries and keys, changed by their places."""
        return t.q, t.k

    def bias(self, t):
        """Added to the scores: broadcasts to (B,H,T,S), or None."""
        return None

    def gather(self, t):
        """Added to what the heads gather: (B,H,T,d), or None."""
        return None
