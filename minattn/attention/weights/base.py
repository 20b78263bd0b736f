"""What every map from scores to weights has in common."""

from ...nn import Module


class Weights(Module):
    """Base: `forward(t)` reads t.scores (B,H,T,S) and t.mask, returns weights >= 0, 0 where masked."""

    sums_to_one = True  # rows that may attend somewhere
    fuses = False  # True where `forward` is the softmax and `finish` does nothing
    by_place = False  # True where it looks for places, not for what the keys hold

    def finish(self, heads):
        """Applied to what the heads gathered, (B,H,T,d); most leave it as it is."""
        return heads
