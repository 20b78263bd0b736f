"""The key-value cache of step-wise decoding."""

from ...autodiff import Tensor
from ...backends import xp
from ...errors import ArgumentError, ShapeError


class KVCache:
    """Keeps the keys and values of earlier calls, so that each new token is projected once.

    `attn(x_new, cache=cache)` attends from the new tokens to all tokens so far; the result equals the full
    pass (tested). Holds plain arrays: no gradient flows into earlier calls. Room grows by doubling.

    length   tokens seen so far
    """

    def __init__(self):
        self.length = 0
        self._k = self._v = self._valid = None

    def remember(self, t):
        if t.context is not t.x:
            raise ArgumentError(
                "KVCache", expected="self-attention", got="a separate context", hint="leave cache out for cross-attention"
            )
        new = t.k.shape[2]
        if self._k is not None and self._k.shape[0] != t.k.shape[0]:
            raise ShapeError(
                "KVCache", expected=f"batch size {self._k.shape[0]}", got=t.k.shape[0], hint="a new cache for a new batch"
            )
        self._make_room(t, self.length + new)
        end = self.length + new
        self._k[:, :, self.length : end] = t.k.data
        self._v[:, :, self.length : end] = t.v.data
        self._valid[:, self.length : end] = True if t.valid is None else t.valid
        self.length = end
        t.k, t.v = Tensor.made_by(self._k[:, :, :end], None), Tensor.made_by(self._v[:, :, :end], None)
        t.k_pos = xp.arange(end)
        if t.valid is not None or not bool(self._valid[:, :end].all()):
            t.valid = self._valid[:, :end]

    def _make_room(self, t, needed):
        room = 0 if self._k is None else self._k.shape[2]
        if needed <= room:
            return
        room = max(16, needed, 2 * room)
        kept = (self._k, self._v, self._valid)
        b, h, _, d = t.k.shape
        self._k = xp.zeros((b, h, room, d), dtype=t.k.dtype)
        self._v = xp.zeros((b, h, room, t.v.shape[-1]), dtype=t.v.dtype)
        self._valid = xp.zeros((b, room), dtype=bool)
        if kept[0] is not None:
            n = self.length
            self._k[:, :, :n], self._v[:, :, :n] = kept[0][:, :, :n], kept[1][:, :, :n]
            self._valid[:, :n] = kept[2][:, :n]

    def reorder(self, rows):
        """Keep the batch rows `rows`, in that order (beam search)."""
        rows = xp.asarray(rows)
        if self._k is not None:
            self._k, self._v, self._valid = self._k[rows], self._v[rows], self._valid[rows]

    def floats(self):
        """Numbers held for the tokens seen so far."""
        return 0 if self._k is None else 2 * self._k[:, :, : self.length].size
