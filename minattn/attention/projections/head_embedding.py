"""One projection for all heads, and a small vector that tells each head apart."""

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...nn import Linear, Module, Parameter, init
from ...nn.checks import check_sizes
from .free_heads import check_width
from .multi_head import check_divides, join_heads
from .multi_query import MultiQuery


class TiedHeads(Module):
    """H heads with the same queries, keys and values of length d = d_model / H: H times the same head.

    d_model, n_heads, bias   as in MultiHead; w_q, w_k and w_v are (d, d_model), w_o (d_model, d_model)
    Source: arXiv 2310.07911, section 3 (the shared projections of MHE). By itself: what embeddings must mend.
    """

    def __init__(self, d_model, n_heads, *, rng, bias=True):
        check_sizes(type(self).__name__, d_model=d_model, n_heads=n_heads)
        self.d_model, self.n_heads, self.n_kv_heads = d_model, n_heads, n_heads
        check_divides(self, "d_model", "n_heads")
        self.d_head = d_model // n_heads
        self.w_q, self.w_k, self.w_v = (Linear(d_model, self.d_head, rng=rng, bias=bias) for _ in range(3))
        self.w_o = Linear(d_model, d_model, rng=rng, bias=bias)

    def forward(self, x, context):
        """x (B,T,d_model), context (B,S,d_model) -> q (B,H,T,d), k and v (B,H,S,d)."""
        check_width(self, x=x, context=context)
        maps = zip("qkv", (self.w_q, self.w_k, self.w_v), (x, context, context))
        return tuple(self.embed(ops.expand_dims(layer(given), 1), role) for role, layer, given in maps)

    def embed(self, shared, role):
        """shared (B,1,T,d), the `role` q, k or v of all heads -> (B,H,T,d)."""
        return ops.repeat_heads(shared, self.n_heads)

    def merge(self, heads):
        """heads (B,H,T,d) -> (B,T,d_model)."""
        return self.w_o(join_heads(heads))

    def as_multi_query(self):
        """A MultiQuery projection that computes the same with softmax weights, unless a position turns keys.

        Its one key head and value head are the shared ones: a cache holds H times fewer numbers.
        """
        folded = MultiQuery(self.d_model, self.n_heads, rng=np.random.default_rng(0))
        for name in ("w_q", "w_k", "w_v", "w_o"):
            mine, theirs = getattr(self, name), getattr(folded, name)
            times = len(theirs.weight) // len(mine.weight)
            theirs.weight.data = xp.tile(mine.weight.data, (times, 1))
            if mine.bias is not None:
                theirs.bias.data = xp.tile(mine.bias.data, times)
        return folded


class _HeadEmbedding(TiedHeads):
    """The vectors e_q, e_k and e_v, (H, 1, d) each."""

    def __init__(self, d_model, n_heads, *, rng, bias=True, std=1.0):
        super().__init__(d_model, n_heads, rng=rng, bias=bias)
        shape = (n_heads, 1, self.d_head)
        self.e_q, self.e_k, self.e_v = (Parameter(init.normal(rng, shape, std)) for _ in range(3))


class AddedHeads(_HeadEmbedding):
    """Tied heads, told apart by vectors that are added: q_i = x W_q + e^q_i, and so for k and v (MHE-ADD).

    d_model, n_heads, bias   as in TiedHeads
    std                      spread of the start values of e; the paper starts at 0.02
    With softmax weights e^k adds the same to all of a query's scores, and does nothing at all; e^q is a bias
    on keys; e^v shifts what a head gathers. Source: arXiv 2310.07911, section 3.1.

    >>> AddedHeads(6, 2, rng=np.random.default_rng(0), bias=False).n_parameters() - (3 * 6 * 3 + 6 * 6)
    18
    """

    def embed(self, shared, role):
        return shared + getattr(self, f"e_{role}")

    def as_multi_query(self):
        folded = super().as_multi_query()
        folded.w_q.bias.data = folded.w_q.bias.data + self.e_q.data.ravel()
        folded.w_o.bias.data = folded.w_o.bias.data + self.w_o.weight.data @ self.e_v.data.ravel()
        return folded


class ScaledHeads(_HeadEmbedding):
    """Tied heads, told apart by vectors that multiply: q_i = x W_q * (1 + e^q_i), so for k and v (MHE-MUL).

    Arguments as in AddedHeads. A head weighs the coordinates of the shared dot product by
    (1 + e^q)(1 + e^k). Source: arXiv 2310.07911, section 3.1.
    """

    def embed(self, shared, role):
        return shared * (getattr(self, f"e_{role}") + 1.0)

    def as_multi_query(self):
        folded = super().as_multi_query()
        q, v = ((1 + self.e_q.data) * (1 + self.e_k.data)).ravel(), (1 + self.e_v.data).ravel()
        folded.w_q.weight.data = folded.w_q.weight.data * q[:, None]
        folded.w_q.bias.data = folded.w_q.bias.data * q
        folded.w_o.weight.data = folded.w_o.weight.data * v
        return folded
