"""Softmax attention as a mixer."""

from ...autodiff import no_grad
from ..anatomy import Attention
from ..masks import Causal
from ..memory import KVCache
from ..projections import MultiHead
from .base import Mixer


class SoftmaxMixer(Mixer):
    """An Attention with the mask Causal as a mixer; its state is a KVCache, which grows with every token.

    attention   any Attention whose masks let no query see a later key
    """

    taxonomy = ("full", "softmax")

    def __init__(self, attention):
        self.attention = attention

    def forward(self, x, valid=None):
        return self.attention(x, valid=valid)

    def new_state(self):
        """What decoding starts from."""
        return KVCache()

    def step(self, x, state=None):
        state = self.new_state() if state is None else state
        with no_grad():
            return self.attention(x, cache=state), state

    def state_floats(self, length):
        heads = self.attention.projection
        return 2 * heads.n_kv_heads * heads.d_head * length

    def flops(self, length):
        heads = self.attention.projection
        return heads.n_heads * heads.d_head * length * (length + 1)  # pairs (i, j <= i), scores and values


def make(d_model, n_heads, *, rng):
    return SoftmaxMixer(Attention(MultiHead(d_model, n_heads, rng=rng), masks=[Causal()]))
