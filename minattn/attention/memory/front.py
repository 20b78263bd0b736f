"""Keys without a place, in front of all others: learned vectors, summaries, what was looked up."""

from dataclasses import dataclass, replace

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Module


@dataclass(eq=False)
class Front:
    """N keys that stand nowhere: masks and positions never see them, the weights see them like all others.

    q      (B,H,T,d) the queries before any position turned them, so that no place enters q . k
    k, v   (B or 1, G, N, d), where G divides the key heads of the record
    mask   boolean, broadcasts to (B,H,T,N): who may attend to which of them; None = everybody to all
    """

    q: object
    k: object
    v: object
    mask: object = None

    def __len__(self):
        return self.k.shape[2]

    def beside(self, t):
        """Its k and v with the batch and the key heads of the record, (B,G,N,d)."""
        batch, heads = len(t.q), t.k.shape[1]
        whole = (ops.repeat_heads(x, heads // x.shape[1]) for x in (self.k, self.v))
        return [x if len(x) == batch else ops.broadcast_to(x, (batch, *x.shape[1:])) for x in whole]

    def before(self, mask, n_keys):
        """`mask` of the keys with a place, or None, with the columns of the front before it, (.., N + S)."""
        if mask is None and self.mask is None:
            return None
        ahead = xp.ones((1, len(self)), dtype=bool) if self.mask is None else xp.asarray(self.mask)
        return side_by_side(ahead, xp.ones((1, n_keys), dtype=bool) if mask is None else mask)


class FrontMemory(Module):
    """Base of the memories that put keys without a place in front. Subclasses say `read`.

    Such keys are visible whatever the masks and however far, unless `read` returns a mask for them; they get
    no bias and no turn; one softmax runs over them and all other keys. t.k_pos and t.valid speak of the other
    keys alone; from `weigh` on, the record's scores, mask, k, v and weights hold the front's N columns first.
    `fits` raises ArgumentError where a slot of the attention looks for keys by their place alone.
    """

    moves_keys = False  # the other keys keep their places, so that a cache may keep them turned

    def read(self, t):
        """(k, v, mask) as in Front; t.q has not been turned yet."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it reads")

    def remember(self, t):
        t.front = Front(t.q, *self.read(t))
        return t.offset

    def fits(self, attention):
        for slot in (attention.score, attention.weights):
            if slot.by_place:
                raise ArgumentError(
                    f"Attention(memory={type(self).__name__})",
                    expected="scores and weights that read the keys",
                    got=f"{type(slot).__name__}, which looks for places",
                    hint="the keys of this memory stand at no place: ScaledDot and Softmax",
                )


def join(attention, t):
    """Before weighing: the front goes before the scores, mask, k and v of the record."""
    if t.front is None:
        return
    k, v = t.front.beside(t)
    scores = attention.score(replace(t, q=t.front.q, k=k, v=v, k_pos=None, valid=None))
    t.mask = t.front.before(t.mask, t.k.shape[2])
    t.scores = ops.concatenate([scores, t.scores], axis=-1)
    t.k, t.v = (ops.concatenate(pair, axis=2) for pair in ((k, t.k), (v, t.v)))


def placed(t):
    """The record as positions see it after weighing: the weights of the keys with a place, the last S."""
    return t if t.front is None else replace(t, weights=t.weights[..., len(t.front) :])


def side_by_side(one, two):
    """Two arrays along their last axis, after their other axes have been broadcast to one shape."""
    shape = np.broadcast_shapes(one.shape[:-1], two.shape[:-1])
    return xp.concatenate([xp.broadcast_to(x, (*shape, x.shape[-1])) for x in (one, two)], axis=-1)
