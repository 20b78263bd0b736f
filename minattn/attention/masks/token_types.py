"""Tokens that learn for how long they may be attended to."""

import numpy as np

from ...autodiff import as_tensor, ops
from ...backends import asnumpy, xp
from ...nn import Linear, gumbel_softmax
from ...nn.checks import check_sizes
from ..weights import Weights

GLOBAL, LOCAL, SLIDING = 0, 1, 2
FARTHEST = 20.0  # a hidden score counts as at most so much above the best visible one


def visibility(types, q_pos, k_pos, window):
    """M (B,H,T,S), 1 where a query sees a key, 0 where not; a derivative reaches all three types.

        M_ij = G_j + L_j prod_{j < n < i} (1 - G_n) + S_j [i <= j + window]        0 for j > i

    types          (B,H,S,3): G, L, S of each key, one-hot
    q_pos, k_pos   (T,) and (S,) places, k_pos rising; keys may be left out that nobody sees any more
    window         queries after it by which a Sliding token is seen
    The next Global token still sees the Local ones before it: it is the last that does.
    """
    types = as_tensor(types)
    before, after = k_pos[None, :] < q_pos[:, None], k_pos[None, :] > q_pos[:, None]
    near = (q_pos[:, None] - k_pos[None, :] <= window).astype(types.dtype)
    g, local, sliding = (ops.expand_dims(types[..., c], -2) for c in (GLOBAL, LOCAL, SLIDING))
    stay = ops.where(before, 1 - g, 1.0)
    later = ops.flip(ops.cumprod(ops.flip(stay, -1)), -1)  # with the key's own factor
    open_span = ops.concatenate([later[..., 1:], xp.ones((*later.shape[:-1], 1), dtype=later.dtype)], axis=-1)
    return ops.where(after, 0.0, g + local * open_span + sliding * near)


class TokenTypes(Weights):
    """Neural attention search: each head gives each token a type, and the type says who may see it.

    Global    every later query
    Local     the queries up to the next Global token, which is the last to see it
    Sliding   the next `window` queries

        A_ij = M_ij e^(s_ij) / sum_n M_in e^(s_in)

    A mask that is learned: it stands in the slot `weights`, since its derivative needs the scores of hidden
    keys too. In training the types are drawn (`gumbel_softmax`), in eval mode they are the likeliest.

    d_model, n_heads   the types are three numbers a head, linear in the attention's context
    start              their biases at the start; the map itself starts at 0
    ends               the first and the last token are Global (nobody comes after the last)
    Leaves M in t.extra["kept"] and the types (B,H,S,3) in t.extra["types"]; `share(t)` is to become small.
    Belongs with Causal; decodes with a TypedCache. Source: arXiv 2502.13251, section 3. Ours: in the
    derivative too the divisor is the masked sum, and a hidden score counts as at most 20 above the best
    visible one.
    """

    by_place = True

    def __init__(self, d_model, n_heads, window, *, rng, start=(2.0, 0.0, 0.0), ends=True):
        check_sizes("TokenTypes", d_model=d_model, n_heads=n_heads, window=window)
        self.d_model, self.n_heads, self.window, self.ends, self.rng = d_model, n_heads, window, ends, rng
        self.guess = Linear(d_model, 3 * n_heads, rng=rng)
        self.guess.weight.data[:] = 0
        self.guess.bias.data[:] = np.tile(start, n_heads)

    def types(self, x, places, last=True):
        """One-hot (B,H,S,3) of tokens x (B,S,d_model) at `places` (S,); `last`: the last one is the end."""
        b, s, _ = x.shape
        logits = ops.transpose(ops.reshape(self.guess(x), (b, s, self.n_heads, 3)), (0, 2, 1, 3))
        drawn = gumbel_softmax(logits, rng=self.rng if self.training else None)
        if not self.ends:
            return drawn
        fixed = places == 0
        if last and s:
            fixed[-1] = True
        return ops.where(fixed[:, None], xp.asarray([1.0, 0.0, 0.0], dtype=drawn.dtype), drawn)

    def forward(self, t):
        if "types" not in t.extra:
            t.extra["types"] = self.types(t.context, t.k_pos)
        kept = visibility(t.extra["types"], t.q_pos, t.k_pos, self.window)
        if t.mask is not None:
            kept = ops.where(t.mask, kept, 0.0)
        t.extra["kept"] = kept
        best = xp.max(xp.where(kept.data > 0, t.scores.data, -xp.inf), axis=-1, keepdims=True, initial=-1e30)
        weighed = kept * ops.exp(ops.minimum(t.scores - best, FARTHEST))
        total = ops.sum(weighed, axis=-1, keepdims=True)
        return weighed / (total + (total.data == 0))

    def share(self, t):
        """The mean of M over all pairs of a query and a key that is not after it: the share that is kept."""
        pairs = xp.sum(t.k_pos[None, :] <= t.q_pos[:, None]) * t.scores.shape[0] * t.scores.shape[1]
        return ops.sum(t.extra["kept"]) * (1.0 / float(asnumpy(pairs)))
