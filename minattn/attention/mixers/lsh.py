"""Attention inside hash buckets as a mixer."""

from ..anatomy import Attention
from ..masks import Causal, LSHBuckets
from ..projections import MultiHead
from .softmax import SoftmaxMixer


class LSHMixer(SoftmaxMixer):
    """Softmax attention among tokens whose query and key fall into one bucket; all keys are kept.

    buckets   an LSHBuckets
    `flops` holds for buckets that are filled evenly, with no pair that meets in two rounds: who meets whom is
    up to the data. The hashes are counted, d x n_buckets / 2 for each query and each key in each round.
    Source: arXiv 2001.04451, section 2.
    """

    taxonomy = ("sparse", "clustered")

    def __init__(self, projection, buckets):
        super().__init__(Attention(projection, masks=[Causal(), buckets]))
        self.buckets = buckets

    def flops(self, length):
        heads, buckets = self.attention.projection, self.buckets
        # Of length * (length - 1) / 2 pairs this share meets; each costs a score and a value.
        others = length * (length - 1) * buckets.rounds // buckets.n_buckets
        hashes = length * buckets.rounds * (buckets.n_buckets // 2) * 2
        return heads.n_heads * heads.d_head * (2 * length + min(others, length * (length - 1)) + hashes)


def make(d_model, n_heads, *, rng):
    projection = MultiHead(d_model, n_heads, rng=rng)
    return LSHMixer(projection, LSHBuckets(4, projection.d_head, rounds=2, rng=rng))
