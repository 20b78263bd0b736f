"""Neural attention as a mixer: scores by a small network. Source: arXiv 2502.17206."""

from ..anatomy import Attention
from ..masks import Causal
from ..projections import MultiHead
from ..scores import MLP
from .softmax import SoftmaxMixer


class NeuralMixer(SoftmaxMixer):
    """Softmax attention over the scores of an MLP: its cost is that of a network for each pair of tokens."""

    taxonomy = ("full", "network scores")

    def flops(self, length):
        heads = self.attention.projection
        a_pair = sum(layer.n_in * layer.n_out for layer in self.attention.score.layers) + heads.d_head
        return heads.n_heads * a_pair * length * (length + 1) // 2


def make(d_model, n_heads, *, rng):
    d = d_model // n_heads
    score = MLP(d, d, (8, 4), d_low=8, rng=rng)
    return NeuralMixer(Attention(MultiHead(d_model, n_heads, rng=rng), score=score, masks=[Causal()]))
