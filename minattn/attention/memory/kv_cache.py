"""The key-value cache of step-wise decoding."""

from ...autodiff import Tensor
from ...backends import xp
from ...errors import ArgumentError, GraphError, ShapeError


class KVCache:
    """Keeps the keys and values of earlier calls, so that each new token is projected once.

    `attn(x_new, cache=cache)` attends from the new tokens to all tokens so far; the result equals the full
    pass (tested). One cache belongs to one attention and one batch. It holds plain arrays, which no gradient
    reaches: use it inside `no_grad()`, else it raises GraphError. Room grows by doubling.

    length   tokens seen so far
    """

    def __init__(self):
        self.length, self._owner, self._padded = 0, None, False
        self._k = self._v = self._valid = None

    def fits(self, attention):
        """A cache is passed in the call; it is no part of the model."""
        raise ArgumentError(
            "Attention(memory=...)",
            expected="a part of the model",
            got="a KVCache",
            hint="attn(x, cache=cache)",
        )

    def claim(self, attention):
        """Raise ArgumentError where another attention has used this cache before."""
        if self._owner not in (None, attention):
            raise ArgumentError(
                "attn(x, cache=...)",
                expected="the cache of this attention",
                got="a cache with the keys of another one",
                hint="caches = [KVCache() for layer in layers]",
            )
        self._owner = attention

    def remember(self, t):
        """Append the new keys; put all of them, and the new places, into the record."""
        self._check(t)
        start, end = self.length, self.length + t.k.shape[2]
        self._make_room(t, end)
        self._k[:, :, start:end], self._v[:, :, start:end] = t.k.data, t.v.data
        self._valid[:, start:end] = True if t.valid is None else t.valid
        self._padded = self._padded or t.valid is not None
        self.length = end
        t.k, t.v = (Tensor.made_by(kept[:, :, :end], None) for kept in (self._k, self._v))
        t.q_pos, t.k_pos, t.offset = xp.arange(start, end), xp.arange(end), start
        t.valid = self._valid[:, :end] if self._padded else None

    def _check(self, t):
        if t.context is not t.x:
            raise ArgumentError(
                "KVCache", expected="self-attention", got="a separate context", hint="leave cache out here"
            )
        if t.k.requires_grad:
            raise GraphError(
                "KVCache",
                expected="a pass that records no gradient",
                got="keys with requires_grad",
                hint="with minattn.no_grad(): attn(x, cache=cache)",
            )
        if self._k is not None and self._k.shape[0] != t.k.shape[0]:
            raise ShapeError(
                "KVCache",
                expected=f"batch size {self._k.shape[0]}",
                got=t.k.shape[0],
                hint="a new cache for a new batch; cache.reorder(rows) keeps some rows",
            )

    def _make_room(self, t, needed):
        room = 0 if self._k is None else self._k.shape[2]
        if needed <= room:
            return
        room, n, old = max(16, needed, 2 * room), self.length, (self._k, self._v, self._valid)
        b, h, _, d = t.k.shape
        self._k = xp.zeros((b, h, room, d), dtype=t.k.dtype)
        self._v = xp.zeros((b, h, room, t.v.shape[-1]), dtype=t.v.dtype)
        self._valid = xp.zeros((b, room), dtype=bool)
        if n:
            self._k[:, :, :n], self._v[:, :, :n] = old[0][:, :, :n], old[1][:, :, :n]
            self._valid[:, :n] = old[2][:, :n]

    def reorder(self, rows):
        """Keep the batch rows `rows` (integers), in that order; a row may come twice (beam search)."""
        if self._k is None:
            return
        rows, batch = xp.asarray(rows), self._k.shape[0]
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or bool(((rows < 0) | (rows >= batch)).any()):
            raise ArgumentError(
                "KVCache.reorder(rows)", expected=f"integers in 0..{batch - 1}", got=rows, hint="[0, 0, 2]"
            )
        self._k, self._v, self._valid = self._k[rows], self._v[rows], self._valid[rows]

    def floats(self):
        """Numbers held for the tokens seen so far."""
        return 0 if self._k is None else self._k[:, :, : self.length].size + self._v[:, :, : self.length].size
