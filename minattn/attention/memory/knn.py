"""A store of keys and values from which each query takes the k best."""

from ...autodiff import Tensor, ops
from ...backends import xp
from ...errors import ArgumentError, ShapeError
from ...nn.checks import check_sizes
from .front import FrontMemory


class KNNMemory(FrontMemory):
    """Keys and values of earlier contexts before the local ones, in one softmax; a query sees k of them.

        attention.memory.write(k, v)           (n,G,S,d) of n contexts: n S keys, which stand at no place
        attention(x, stored=seen)              seen (B, N) boolean: which of the N keys row b may look at

    A query's k are those with the largest q . k among what it may see, found by looking at all of them; of
    equal ones the first. `stored` is optional; without it all rows see everything. Gradients flow into what
    was written, unless it was written inside `no_grad()`.

    top_k   k; None = all, as in training
    Source: arXiv 2307.03170, section 3.1. Ours: a mask over all keys does the choice; q is not turned.
    """

    takes = ("stored",)

    def __init__(self, top_k=None):
        check_sizes("KNNMemory", top_k=1 if top_k is None else top_k)
        self.top_k, self._kept = top_k, []

    def __len__(self):
        return sum(k.shape[2] for k, _ in self._kept)

    def clear(self):
        """Forget everything."""
        self._kept = []

    def write(self, k, v):
        """Add the keys and values (n,G,S,d) of n contexts, one context after the other."""
        for given in (k, v):
            if given.ndim != 4 or given.shape[:3] != k.shape[:3]:
                raise ShapeError(
                    "KNNMemory.write",
                    expected="k and v (n, G, S, d)",
                    got=f"{k.shape} and {v.shape}",
                    hint="k and v of attention.projection(x, x)",
                )
        self._kept.append(tuple(_in_a_row(x) for x in (k, v)))

    def read(self, t):
        if not self._kept:
            heads = t.k.shape[1]
            k, v = (xp.zeros((1, heads, 0, x.shape[3]), dtype=x.dtype) for x in (t.k, t.v))
            return Tensor.made_by(k, None), Tensor.made_by(v, None), None
        k, v = (ops.concatenate(parts, axis=2) for parts in zip(*self._kept))
        seen = t.extra.get("stored")
        if seen is not None:
            seen = xp.asarray(seen)
            if seen.shape != (len(t.q), k.shape[2]) or seen.dtype != bool:
                raise ArgumentError(
                    "attn(x, stored=...)",
                    expected=f"booleans {(len(t.q), k.shape[2])}",
                    got=f"{seen.dtype} {seen.shape}",
                    hint="one flag for each row and stored key",
                )
            seen = seen[:, None, None]
        if self.top_k is None or self.top_k >= k.shape[2]:
            return k, v, seen
        return k, v, best(self._fit(t.q.data, k.data), self.top_k, seen)

    def _fit(self, q, k):
        return q @ xp.swapaxes(xp.repeat(k, q.shape[1] // k.shape[1], axis=1), -1, -2)


def best(fit, n, seen=None):
    """fit (.., N) -> boolean (.., N): its n largest, of equal ones the first, among those where `seen`."""
    if seen is not None:
        fit = xp.where(seen, fit, -xp.inf)
    order = xp.argsort(-fit, axis=-1, kind="stable")[..., :n]
    chosen = xp.zeros(fit.shape, dtype=bool)
    xp.put_along_axis(chosen, order, True, axis=-1)
    return chosen if seen is None else chosen & seen


def _in_a_row(x):
    """(n,G,S,d) -> (1,G,n S,d)."""
    n, heads, length, d = x.shape
    return ops.swapaxes(x, 0, 1).reshape(1, heads, n * length, d)
