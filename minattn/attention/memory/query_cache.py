"""A key-value cache that also keeps the last few queries."""

from ...autodiff import Tensor
from ...backends import xp
from ...nn.checks import check_sizes
from .kv_cache import KVCache


class QueryCache(KVCache):
    """For scores that look at earlier queries too (KeyQueryConv): the last `kept` come before the new ones.

    The attention then answers these tokens once more, and the caller drops all but the new rows:

        out = attn(x_new, cache=cache)[:, -x_new.shape[1]:]

    kept   earlier queries that are needed, c_q - 1
    Source: arXiv 2504.00927. Ours: earlier queries come back as rows, so that no step of the page changes.
    """

    def __init__(self, kept):
        check_sizes("QueryCache", kept=kept)
        super().__init__()
        self.kept, self._q = kept, None

    def remember(self, t):
        super().remember(t)
        new = t.q.data
        queries = new if self._q is None else xp.concatenate([self._q, new], axis=2)
        first = self.length - queries.shape[2]
        t.q, t.q_pos = Tensor.made_by(queries, None), xp.arange(first, self.length)
        self._q = queries[:, :, max(queries.shape[2] - self.kept, 0) :]
        return first

    def reorder(self, rows):
        super().reorder(rows)
        self._q = None if self._q is None else self._q[xp.asarray(rows)]

    def floats(self):
        """Numbers held for the tokens seen so far."""
        return super().floats() + (0 if self._q is None else self._q.size)
