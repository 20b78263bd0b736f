"""A cache for tokens with types: what nobody will see any more is dropped."""

from ...autodiff import Tensor
from ...backends import xp
from ...errors import ArgumentError, GraphError
from ..masks.token_types import GLOBAL, TokenTypes, visibility
from .kv_cache import KVCache


class TypedCache:
    """Keeps the keys and values of the tokens that the next query sees: all Global ones, the Local ones since
    the last Global one, the last Sliding ones.

    `attn(x_new, cache=cache)`, inside `no_grad()`, for an attention in eval mode with TokenTypes for weights;
    the result equals the full pass (tested). A token that one head or row still sees stays for all of them;
    `floats` counts what each head and row needs itself, which is what the method saves.

    length   tokens seen so far
    Source: arXiv 2502.13251, section 3.3. Ours: one table for all heads and rows of the batch.
    """

    fits = KVCache.fits

    def __init__(self):
        self.length, self._owner = 0, None
        self._k = self._v = self._types = self._places = None

    def claim(self, attention):
        """Raise ArgumentError where another attention has used this cache, or this one has no types."""
        if self._owner not in (None, attention) or not isinstance(attention.weights, TokenTypes):
            raise ArgumentError(
                "attn(x, cache=TypedCache())",
                expected="the one attention of this cache, with TokenTypes for weights",
                got=f"another attention, with {type(attention.weights).__name__}",
                hint="Attention(..., masks=[Causal()], weights=TokenTypes(..)); a cache a layer",
            )
        self._owner = attention

    def remember(self, t):
        """Append the new tokens, drop what the first new query does not see, show the rest."""
        weights = self._owner.weights
        if t.k.requires_grad or t.context is not t.x or t.valid is not None or weights.training:
            raise GraphError(
                "TypedCache",
                expected="self-attention in eval mode, without gradient or padding",
                got=f"keys with requires_grad={t.k.requires_grad}, valid={t.valid is not None}",
                hint="with minattn.no_grad(): attn.eval()(x, cache=cache)",
            )
        new = self.length + xp.arange(t.k.shape[2])
        types = weights.types(t.x, new, last=False).data
        parts = (t.k.data, t.v.data, types)
        if self._places is None:
            self._k, self._v, self._types, self._places = *parts, new
        else:
            seen = self._seen(self.length).any(axis=(0, 1))  # by a head of a row
            old = [kept[:, :, seen] for kept in (self._k, self._v, self._types)]
            self._k, self._v, self._types = (
                xp.concatenate(both, axis=2) for both in zip(old, parts, strict=True)
            )
            self._places = xp.concatenate([self._places[seen], new])
        self.length += len(new)
        t.k, t.v, t.extra["types"] = (Tensor.made_by(a, None) for a in (self._k, self._v, self._types))
        t.q_pos, t.k_pos = new, self._places

    def turned(self, t, position):
        """The keys that are left, turned by `position.turn(keys, places)`."""
        return position.turn(t.k, t.k_pos)

    def reorder(self, rows):
        """Keep the batch rows `rows` (integers), in that order (beam search)."""
        if self._k is not None:
            self._k, self._v, self._types = (kept[rows] for kept in (self._k, self._v, self._types))

    def floats(self):
        """Numbers of keys and values that the next token's query needs, over all rows and heads."""
        if self._k is None:
            return 0
        return int(self._seen(self.length).sum()) * 2 * self._k.shape[-1]

    def globals(self):
        """(B,H): how many Global tokens are held, which is what grows."""
        return self._types[..., GLOBAL].sum(-1).astype(int)

    def _seen(self, place):
        """(B,H,S) boolean: the keys that a query at `place` sees."""
        query = xp.asarray([place])
        return visibility(self._types, query, self._places, self._owner.weights.window).data[:, :, 0] > 0
