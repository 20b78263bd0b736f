"""Scores by a small network."""

from ...autodiff import ops
from ...errors import ArgumentError
from ...nn import Linear
from ...nn.checks import check_sizes
from .base import Score


class MLP(Score):
    """score(q, k) = w_3 . relu(W_2 relu(W_1 [q'; k'] + b_1) + b_2) + b_3: a network looks at each pair.

    q' = W_a q + b_a and k' = W_b k + b_b are short, and nothing is divided by sqrt(d). A product of q and k
    can only weigh them against each other; a network can also tell how far apart they are.

    d_query, d_key   lengths of queries and keys
    hidden           widths of the hidden layers, (p, p // 2) in the paper; the same network serves all heads
    d_low            length p of q' and k'; None: q and k themselves
    act              between the layers; hidden=(n,) with ops.tanh is Additive with biases
    tile             queries that are compared at a time, so that (B,H,T,S,p) is never held without a gradient
                     to compute; None: all at once
    Raises ArgumentError for sizes below 1. Source: arXiv 2502.17206, and its code for the two hidden layers.
    Ours: W_1 [q'; k'] = W_1q q' + W_1k k', two products, so that no pair is copied side by side.
    """

    def __init__(self, d_query, d_key, hidden, *, rng, d_low=None, act=ops.relu, tile=None):
        if not isinstance(hidden, (tuple, list)) or not hidden:
            raise ArgumentError(
                "MLP(hidden)",
                expected="a width for each hidden layer",
                got=repr(hidden),
                hint="hidden=(8, 4)",
            )
        check_sizes("MLP", d_query=d_query, d_key=d_key, tile=1 if tile is None else tile)
        check_sizes("MLP", **{f"hidden_{i}": n for i, n in enumerate(hidden)})
        self.d_query, self.d_key, self.act, self.tile = d_query, d_key, act, tile
        self.low_q = self.low_k = None
        if d_low is not None:
            self.low_q, self.low_k = Linear(d_query, d_low, rng=rng), Linear(d_key, d_low, rng=rng)
            d_query = d_key = d_low
        self.w_q = Linear(d_query, hidden[0], rng=rng)
        self.w_k = Linear(d_key, hidden[0], rng=rng, bias=False)
        self.layers = [Linear(*sizes, rng=rng) for sizes in zip(hidden, (*hidden[1:], 1))]

    def forward(self, t):
        self.check(t)
        q, k = (x if low is None else low(x) for x, low in ((t.q, self.low_q), (t.k, self.low_k)))
        q, k = self.w_q(q), self.w_k(k)  # each token once; what follows is done for each pair
        step = self.tile or max(q.shape[2], 1)
        tiles = [self._pairs(q[:, :, i : i + step], k) for i in range(0, max(q.shape[2], 1), step)]
        return tiles[0] if len(tiles) == 1 else ops.concatenate(tiles, axis=2)

    def _pairs(self, q, k):
        x = ops.expand_dims(q, 3) + ops.expand_dims(k, 2)  # (B,H,T,S,p)
        for layer in self.layers:
            x = layer(self.act(x))
        return ops.squeeze(x, -1)
