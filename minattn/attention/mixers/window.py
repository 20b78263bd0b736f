"""Softmax attention to the last few tokens."""

from ..anatomy import Attention
from ..masks import Causal, Window
from ..memory import SlidingCache
from ..projections import MultiHead
from .softmax import SoftmaxMixer


class WindowMixer(SoftmaxMixer):
    """An Attention with the masks Causal and Window(width - 1); its state is a SlidingCache.

    width   how many tokens are seen, the query's own among them
    """

    taxonomy = ("sparse", "fixed")

    def __init__(self, attention, width):
        super().__init__(attention)
        self.width = width

    def new_state(self):
        return SlidingCache(self.width)

    def state_floats(self, length):
        return super().state_floats(min(length, self.width))

    def flops(self, length):
        heads, full = self.attention.projection, min(length, self.width)
        pairs = full * (full + 1) // 2 + (length - full) * full
        return 2 * heads.n_heads * heads.d_head * pairs


def make(d_model, n_heads, *, rng, width=8, positions=()):
    """Window attention to `width` tokens; `positions` as in Attention."""
    masks = [Causal(), Window(width - 1)]
    heads = MultiHead(d_model, n_heads, rng=rng)
    return WindowMixer(Attention(heads, positions=list(positions), masks=masks), width)
