"""The cache of an attention that looks back a bounded way."""

import math

from ...autodiff import Tensor
from ...backends import xp
from ...errors import ArgumentError
from ...nn.checks import check_sizes
from .kv_cache import KVCache


class SlidingCache(KVCache):
    """A KVCache of the last `width` tokens, for an attention with Causal and Window(width - 1) or less.

    Before each call it forgets what no new query can reach: it holds width - 1 tokens and those of the latest
    call, however long the stream, and the result still equals the full pass (tested). `length` and places
    count all tokens. A call may bring many tokens.

    width   how many tokens a query sees, its own among them
    Raises ArgumentError where the attention looks further back than that, or has a position, a score or a
    memory that reads what the masks forbid (CoPE counts all keys). Source: arXiv 2310.06825, section 2.
    """

    def __init__(self, width):
        check_sizes("SlidingCache", width=width)
        super().__init__()
        self.width = width

    def claim(self, attention):
        """Raise ArgumentError where another attention has used it, or where this one looks further."""
        super().claim(attention)
        memory, masks = attention.memory, [rule for rule in attention.masks if hasattr(rule, "window")]
        bounds = [rule.window[0] for rule in masks if rule.window[0] is not None]
        far = [slot for slot in (attention.score, *attention.positions) if slot.reads_all]
        far += [memory] if getattr(memory, "moves_keys", memory is not None) else []
        if far or min(bounds, default=math.inf) >= self.width:
            raise ArgumentError(
                f"attn(x, cache=SlidingCache({self.width}))",
                expected=f"an attention that looks back at most {self.width - 1} tokens",
                got=f"{type(far[0]).__name__}, which reads all keys" if far else f"masks {attention.masks}",
                hint=f"masks=[Causal(), Window({self.width - 1})]; KVCache() keeps every token",
            )

    def remember(self, t):
        """Forget what is out of reach, append the new keys, put what is left into the record."""
        self._check(t)
        start, end = self.length, self.length + t.k.shape[2]
        first = max(self._first, start - self.width + 1)
        if t.valid is not None and self._valid is None and self._k is not None:
            self._valid = xp.ones((len(self._k), self._k.shape[2]), dtype=bool)
        if t.valid is not None or self._valid is not None:
            new = xp.ones((len(t.k), end - start), dtype=bool) if t.valid is None else t.valid
            self._valid = self._slid(self._valid, new, first, axis=1)
        self._k, self._v = (self._slid(a, b.data, first, axis=2) for a, b in ((self._k, t.k), (self._v, t.v)))
        self._first, self.length = first, end
        t.k, t.v = (Tensor.made_by(kept, None) for kept in (self._k, self._v))
        t.q_pos, t.k_pos, t.valid = xp.arange(start, end), xp.arange(first, end), self._valid
        self._shown = t.k
        return start - first

    def _slid(self, kept, new, first, axis):
        """A new array of the tokens kept from place `first` on, and the new ones."""
        if kept is None:
            return xp.array(new)
        forgotten = first - self._first
        return xp.concatenate([kept[:, forgotten:] if axis == 1 else kept[:, :, forgotten:], new], axis=axis)

    def open(self, attention, rows):
        """None: a compiled step writes where nothing is ever forgotten."""
        return None
