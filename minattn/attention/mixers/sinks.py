"""A window with sinks as a mixer: what decoding carries does not grow."""

from ...autodiff import Tensor, no_grad, ops
from ...backends import xp
from ..anatomy import Attention
from ..masks import Causal, Sinks
from ..projections import MultiHead
from .softmax import SoftmaxMixer


class SinksMixer(SoftmaxMixer):
    """Softmax attention over the first `n_sinks` tokens and the last `window`.

    The state is the keys and values of those alone.
    Source: arXiv 2309.17453, section 3. Ours: no positions, which there are counted inside the cache.
    """

    taxonomy = ("sparse", "fixed")

    def __init__(self, projection, n_sinks, window):
        super().__init__(Attention(projection, masks=[Causal(), Sinks(n_sinks, window - 1)]))
        self.n_sinks, self.window = n_sinks, window

    def step(self, x, state=None):
        heads = self.attention.projection
        with no_grad():
            q, *new = heads(x, x)
            kept = [part.data for part in new]
            if state is not None:
                kept = [self._keep(xp.concatenate(pair, axis=2)) for pair in zip(state, kept)]
            return heads.merge(ops.attention(q, *(Tensor.made_by(part, None) for part in kept))), kept

    def _keep(self, part):
        """Without the oldest token that is no sink, where one has left the window."""
        if part.shape[2] <= self.n_sinks + self.window:
            return part
        return xp.concatenate([part[:, :, : self.n_sinks], part[:, :, self.n_sinks + 1 :]], axis=2)

    def state_floats(self, length):
        heads = self.attention.projection
        return 2 * heads.n_kv_heads * heads.d_head * min(length, self.n_sinks + self.window)

    def flops(self, length):
        heads, most = self.attention.projection, self.n_sinks + self.window
        short = min(length, most)
        return 2 * heads.n_heads * heads.d_head * (short * (short + 1) // 2 + (length - short) * most)


def make(d_model, n_heads, *, rng):
    return SinksMixer(MultiHead(d_model, n_heads, rng=rng), n_sinks=4, window=8)
