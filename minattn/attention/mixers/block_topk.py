"""Routing to blocks of keys as a mixer."""

from ..anatomy import Attention
from ..masks import BlockTopK, Causal
from ..projections import MultiHead
from .softmax import SoftmaxMixer


class BlockTopKMixer(SoftmaxMixer):
    """Softmax attention over the own block and the `top` earlier blocks that fit best; all keys are kept.

    The cost of a token is that of a few blocks, and one score for each earlier block.
    Source: arXiv 2502.13189, section 2.2.
    """

    taxonomy = ("sparse", "block-routed")

    def __init__(self, projection, block, top):
        super().__init__(Attention(projection, masks=[Causal(), BlockTopK(block, top)]))
        self.block, self.top = block, top

    def flops(self, length):
        heads, block = self.attention.projection, self.block
        whole, rest = divmod(length, block)
        sizes = [block] * whole + [rest]  # tokens of each block
        own = sum(n * (n + 1) // 2 for n in sizes)
        chosen = sum(n * min(self.top, b) * block for b, n in enumerate(sizes))
        scored = sum(n * b for b, n in enumerate(sizes))
        return heads.n_heads * heads.d_head * (2 * (own + chosen) + scored)


def make(d_model, n_heads, *, rng):
    return BlockTopKMixer(MultiHead(d_model, n_heads, rng=rng), block=8, top=2)
