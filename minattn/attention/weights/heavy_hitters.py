"""Softmax over a small cache that keeps what was attended to most."""

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn.checks import check_sizes
from .base import Weights


class HeavyHitters(Weights):
    """Each head keeps `budget` keys: the `recent` last ones, and those that got the most weight so far.

    At each query, the newest key joins, the lightest of the older ones leaves for good if there are too many,
    and the softmax runs over those that are left. Nothing is learned: it is put into a trained attention.

    budget   keys that a query sees, itself included
    recent   of these, the last ones, which cannot leave
    Needs self-attention with Causal, whole sequences without a cache. Leaves the mask in t.extra["held"].
    Source: arXiv 2306.14048, algorithm 1. Ours: the newest key joins before a key leaves.
    """

    def __init__(self, budget, recent):
        check_sizes("HeavyHitters", budget=budget, recent=recent)
        if recent > budget:
            raise ArgumentError(
                "HeavyHitters(budget, recent)", expected="recent <= budget", got=(budget, recent),
                hint="HeavyHitters(9, 2)",
            )  # fmt: skip
        self.budget, self.recent = budget, recent

    def forward(self, t):
        mask = t.extra["held"] = self._held(t)
        return ops.softmax(t.scores, mask if t.mask is None else mask & t.mask)

    def _held(self, t):
        """(B,H,T,T) boolean: what each query finds in the cache."""
        scores, n = t.scores.data, t.scores.shape[-1]
        if t.scores.shape[-2] != n or t.cache is not None:
            raise ArgumentError(
                "HeavyHitters", expected="a query a key, no cache", got=t.scores.shape, hint="attn(x)"
            )
        held, total = (xp.zeros((*scores.shape[:2], n), dtype=kind) for kind in (bool, scores.dtype))
        rows = []
        for i in range(n):
            held[..., i] = True
            if i >= self.budget:
                may_go = held & (xp.arange(n) <= i - self.recent)
                lightest = xp.argmin(xp.where(may_go, total, xp.inf), axis=-1)
                held = held & (xp.arange(n) != lightest[..., None])
            seen = xp.where(held, scores[:, :, i], -xp.inf)
            row = xp.exp(seen - seen.max(axis=-1, keepdims=True))
            total = total + row / row.sum(axis=-1, keepdims=True)
            rows.append(held.copy())
        return xp.stack(rows, axis=2)
