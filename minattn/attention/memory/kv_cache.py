"""The key-value cache of step-wise decoding."""

from ...autodiff import Tensor
from ...autodiff.tensor import default_dtype
from ...backends import xp
from ...errors import ArgumentError, GraphError, ShapeError


class KVCache:
    """Keeps the keys and values of earlier calls, so that each new token is projected once.

    `attn(x_new, cache=cache)` attends from the new tokens to all tokens so far; the result equals the full
    pass (tested). One cache belongs to one attention and one batch. It holds plain arrays, which no gradient
    reaches: use it inside `no_grad()`, else it raises GraphError. Room grows by doubling. Keys that a
    position turns are kept as they are after the turn.

    length   tokens seen so far
    """

    def __init__(self):
        self.length, self._owner, self._shown = 0, None, None
        self._first = 0  # the place of the first token that is still there
        self._k = self._v = self._valid = None  # (B,H,room,d), and (B,room) once a token was padding
        self._turned = {}  # {position: how many of the keys it has turned}

    def fits(self, attention):
        """A cache is passed in the call; it is no part of the model."""
        raise ArgumentError(
            "Attention(memory=...)",
            expected="a part of the model",
            got="a KVCache",
            hint="attn(x, cache=cache)",
        )

    def claim(self, attention):
        """Raise ArgumentError where another attention has used this cache, or one whose values mix tokens."""
        if getattr(attention.projection, "mixes_tokens", False):
            raise ArgumentError(
                "attn(x, cache=...)",
                expected="a projection that makes each key and value from its own token",
                got=f"{type(attention.projection).__name__}, which mixes tokens",
                hint="Efficient, or the whole sequence in one call",
            )
        if self._owner not in (None, attention):
            raise ArgumentError(
                "attn(x, cache=...)",
                expected="the cache of this attention",
                got="a cache with the keys of another one",
                hint="caches = [KVCache() for layer in layers]",
            )
        self._owner = attention

    def remember(self, t):
        """Append the new keys; put all of them, and the new places, into the record. Returns its offset."""
        self._check(t)
        start, end = self.length, self.length + t.k.shape[2]
        self._make_room(end, t.k.data, t.v.data)
        self._k[:, :, start:end], self._v[:, :, start:end] = t.k.data, t.v.data
        if t.valid is not None and self._valid is None:
            self._valid = xp.ones((len(self._k), self._k.shape[2]), dtype=bool)
        if self._valid is not None:
            self._valid[:, start:end] = True if t.valid is None else t.valid
        self.length = end
        t.k, t.v = (Tensor.made_by(kept[:, :, :end], None) for kept in (self._k, self._v))
        t.q_pos, t.k_pos = xp.arange(start, end), xp.arange(end)
        t.valid = None if self._valid is None else self._valid[:, :end]
        self._shown = t.k
        return start

    def turned(self, t, position):
        """The record's keys turned by `position.turn(keys, places)`: each key is turned once, when it is new.

        Not kept are the turned keys of an attention whose memory may give a key another place later, and
        those that somebody else has changed before.
        """
        memory = self._owner.memory
        if getattr(memory, "moves_keys", memory is not None) or t.k is not self._shown:
            return position.turn(t.k, t.k_pos)
        new = slice(max(self._turned.get(position, 0) - self._first, 0), self.length - self._first)
        keys = Tensor.made_by(self._k[:, :, new], None)
        self._k[:, :, new] = position.turn(keys, t.k_pos[new]).data
        self._turned[position] = self.length
        return t.k  # looks at the same numbers

    def open(self, attention, rows):
        """The keys and values themselves, (rows,H,room,d), with room for one more token; `close` counts it.

        For whoever computes in place of the attention, and writes a new token's turned key and its value at
        place `length`. None where the cache has other rows, or where padding must be looked at.
        """
        self.claim(attention)
        if self._k is None:
            heads = attention.projection.n_kv_heads, 0, attention.projection.d_head
            self._make_room(1, *2 * (xp.empty((rows, *heads), default_dtype()),))
        if len(self._k) != rows or self._valid is not None:
            return None
        self._make_room(self.length + 1, self._k, self._v)
        return self._k, self._v

    def close(self):
        """Count the token that was written after `open`; every position has turned its key."""
        self.length += 1
        self._turned = dict.fromkeys(self._owner.positions, self.length)

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

    def _make_room(self, needed, k, v):
        """Room for `needed` tokens, of keys and values like k and v."""
        room = 0 if self._k is None else self._k.shape[2]
        if needed <= room:
            return
        room = max(16, needed, 2 * room)
        self._k, self._v = self._wider(self._k, k, room), self._wider(self._v, v, room)
        if self._valid is not None:
            valid = xp.zeros((len(k), room), dtype=bool)
            valid[:, : self.length] = self._valid[:, : self.length]
            self._valid = valid

    def _wider(self, kept, like, room):
        wider = xp.zeros((*like.shape[:2], room, like.shape[3]), dtype=like.dtype)
        if kept is not None:
            wider[:, :, : self.length] = kept[:, :, : self.length]
        return wider

    def reorder(self, rows):
        """Keep the batch rows `rows` (integers), in that order; a row may come twice (beam search)."""
        if self._k is None:
            return
        rows, batch = xp.asarray(rows), self._k.shape[0]
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or bool(((rows < 0) | (rows >= batch)).any()):
            raise ArgumentError(
                "KVCache.reorder(rows)", expected=f"integers in 0..{batch - 1}", got=rows, hint="[0, 0, 2]"
            )
        self._k, self._v = self._k[rows], self._v[rows]
        self._valid = None if self._valid is None else self._valid[rows]

    def floats(self):
        """Numbers held for the tokens seen so far."""
        return 0 if self._k is None else self._k[:, :, : self.length].size + self._v[:, :, : self.length].size
