"""Multi-token attention as a mixer. Source: arXiv 2504.00927."""

from ...autodiff import no_grad
from .. import scores, weights
from ..anatomy import Attention
from ..masks import Causal
from ..memory import KVCache, QueryCache
from ..projections import MultiHead
from .softmax import SoftmaxMixer


class MultiTokenMixer(SoftmaxMixer):
    """An Attention whose scores are a KeyQueryConv; it carries c_q - 1 queries beside keys and values."""

    taxonomy = ("full", "multi-token")

    def step(self, x, state=None):
        kept = self.attention.score.kernel.shape[1] - 1
        state = (QueryCache(kept) if kept else KVCache()) if state is None else state
        with no_grad():
            return self.attention(x, cache=state)[:, -1:], state

    def state_floats(self, length):
        heads, kept = self.attention.projection, self.attention.score.kernel.shape[1] - 1
        return super().state_floats(length) + heads.n_heads * heads.d_head * min(kept, length)

    def flops(self, length):
        _, c_q, c_k = self.attention.score.kernel.shape
        pairs = self.attention.projection.n_heads * length * (length + 1) // 2
        return super().flops(length) + pairs * c_q * c_k


def make(d_model, n_heads, *, rng):
    """Kernels of 2 queries and 9 keys, heads mixed in pairs where their number is even, norm and gate."""
    group = 2 if n_heads % 2 == 0 else 1
    mixed = weights.GatedNorm(d_model // n_heads, weights.HeadMix(n_heads, group))
    score = scores.KeyQueryConv(n_heads, 2, 9)
    projection = MultiHead(d_model, n_heads, rng=rng)
    return MultiTokenMixer(Attention(projection, score=score, weights=mixed, masks=[Causal()]))
