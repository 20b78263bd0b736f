"""What relational heads gather: how two objects compare, and where they stand to each other."""

import math

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Linear, Parameter, init
from ...nn.checks import check_sizes
from .base import Position


class Relations(Position):
    """Adds sum_j w_ij r_ij W_r to what a head gathers: how the objects that it looks at compare with its own.

        r_ij = (<W_q^l x_i, W_k^l x_j> / sqrt(d_relation)) for l = 1 .. n_relations

    d_model      length of x and of the context
    n_heads, d_head   of the attention; W_r is (n_heads, n_relations, d_head), the relations serve all heads
    n_relations  numbers that compare two objects
    d_relation   length of the vectors that are compared for each of them
    symmetric    W_q = W_k, so that r_ij = r_ji
    The attention's projection should be SymbolHeads: then x_j comes in through w and r alone.
    No (T,S,n_relations) is made, as sum_j w_ij <q_i, k_j> = <q_i, sum_j w_ij k_j>; `compare` shows it.
    Source: arXiv 2405.16727, equation 4. Raises ArgumentError with a cache.
    """

    fuses = False

    def __init__(self, d_model, n_heads, d_head, n_relations=4, d_relation=8, *, symmetric=True, rng):
        check_sizes("Relations", n_relations=n_relations, d_relation=d_relation)
        self.d_model, self.n_heads, self.d_head = d_model, n_heads, d_head
        self.n_relations, self.d_relation = n_relations, d_relation
        self.w_q = Linear(d_model, n_relations * d_relation, rng=rng, bias=False)
        self.w_k = self.w_q if symmetric else Linear(d_model, n_relations * d_relation, rng=rng, bias=False)
        self.w_r = Parameter(init.glorot(rng, (n_heads, n_relations, d_head)))

    def compare(self, x, context):
        """The relations r (B,n_relations,T,S)."""
        q, k = self._split(self.w_q(x)), self._split(self.w_k(context))
        r = ops.transpose(q, (0, 2, 1, 3)) @ ops.transpose(k, (0, 2, 3, 1))
        return r * (1 / math.sqrt(self.d_relation))

    def _split(self, x):
        return ops.reshape(x, (*x.shape[:-1], self.n_relations, self.d_relation))

    def gather(self, t):
        if t.cache is not None:
            raise ArgumentError(
                "Relations", expected="all objects at once", got="a cache", hint="leave the cache out"
            )
        keys = t.weights @ ops.expand_dims(self.w_k(t.context), 1)  # (B,H,T,n_relations * d_relation)
        queries = ops.expand_dims(self.w_q(t.x), 1)
        related = ops.sum(self._split(queries) * self._split(keys), axis=-1)
        return (related * (1 / math.sqrt(self.d_relation))) @ self.w_r


class RelativeSymbols(Position):
    """Adds sum_j w_ij s_r, r = j - i clipped to +-max_distance: where what was found stands, seen from here.

    d_head   length of the symbols (2 max_distance + 1, d_head), which serve all heads
    Source: arXiv 2405.16727, section 2.3 (position-relative symbols).
    """

    fuses = False

    def __init__(self, d_head, max_distance, *, rng):
        check_sizes("RelativeSymbols", d_head=d_head, max_distance=max_distance)
        self.d_head, self.max_distance = d_head, max_distance
        self.symbols = Parameter(init.normal(rng, (2 * max_distance + 1, d_head), 0.5))

    def gather(self, t):
        away = xp.clip(t.k_pos[None, :] - t.q_pos[:, None], -self.max_distance, self.max_distance)
        rows = xp.broadcast_to(away + self.max_distance, t.weights.shape)
        nothing = xp.zeros((*t.weights.shape[:3], len(self.symbols)), dtype=t.weights.dtype)
        return ops.scatter_add(nothing, rows, t.weights) @ self.symbols
