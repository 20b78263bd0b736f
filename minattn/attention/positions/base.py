"""What every position has in common."""

from ...nn import Module


class Position(Module):
    """Base: a position that does nothing. Subclasses override the steps in which they act.

    A model calls `embed` itself, before its first layer; an attention calls the other three.
    """

    fuses = True  # False where it changes values, or where its bias needs a gradient
    reads_all = False  # True where it reads keys that the masks forbid

    def embed(self, x, positions):
        """x (B,T,d_model) with something added for the places `positions` (T,)."""
        return x

    def rotate(self, t):
        """The queries and keys, changed by their places."""
        return t.q, t.k

    def bias(self, t):
        """Added to the scores: broadcasts to (B,H,T,S), or None."""
        return None

    def radial(self, t, distance):
        """The bias again, (H, *distance.shape), where it depends on distance = q_pos - k_pos alone.

        The fused primitive then needs no table of all pairs. It counts where the class that says `bias`
        says this as well.
        """
        return None

    def gather(self, t):
        """Added to what the heads gather: (B,H,T,d), or None."""
        return None
