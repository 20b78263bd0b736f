"""The ruler for language models: counts of what followed the last few symbols."""

import numpy as np

from minattn.errors import ArgumentError
from minattn.metrics.surprise import bits_per_character


class NGram:
    """An n-gram model with Witten-Bell smoothing.

        p(x | h) = ( c(h, x) + T(h) p(x | h') ) / ( c(h) + T(h) )               (Witten and Bell 1991)

    h are the n-1 symbols before x, h' is h without its oldest symbol, c counts, T(h) is the number of
    different symbols seen after h. A context never seen leaves p(x | h'). The first estimate is 1/V.

    order        n: 1 knows frequencies only, 2 the symbol before, ...
    n_symbols    V, ids are 0 .. V-1

    >>> round(NGram(order=2, n_symbols=2).fit([0, 1] * 50).bits_per_character([0, 1, 0, 1]), 2)
    0.26

    Raises ArgumentError for ids outside 0 .. V-1 and where V**n does not fit into 63 bits.
    """

    def __init__(self, *, order, n_symbols):
        if order < 1 or n_symbols < 1 or order * np.log2(n_symbols) >= 63:
            raise ArgumentError(
                "NGram",
                expected="order >= 1, n_symbols >= 1, n_symbols**order < 2**63",
                got=f"order={order}, n_symbols={n_symbols}",
                hint="order=5 for characters",
            )
        self.order, self.n_symbols, self.levels = order, n_symbols, []

    def fit(self, ids):
        """Count `ids` (n,); returns self."""
        ids = self._ids(ids)
        if not len(ids):
            raise ArgumentError("NGram.fit", expected="one id or more", got="none", hint="a longer text")
        self.levels = []
        for n in range(1, min(self.order, len(ids)) + 1):
            grams, count = np.unique(self._codes(ids, n), return_counts=True)
            contexts, first = np.unique(grams // self.n_symbols, return_index=True)
            types = np.diff(np.append(first, len(grams)))
            self.levels.append((grams, count, contexts, np.add.reduceat(count, first), types))
        return self

    def log_probs(self, ids):
        """Natural log (n,) of the probability of each id after those before it in `ids`."""
        ids = self._ids(ids)
        p = np.full(len(ids), 1 / self.n_symbols)
        for n in range(1, self.order + 1):
            p[n - 1 :] = self._smooth(n, self._codes(ids, n), p[n - 1 :])
        return np.log(p)

    def bits_per_character(self, ids, window=None):
        """Mean -log2 p over `ids`.

        window    forget the context every `window` symbols, as a model does that is tested on windows
        """
        window = window or max(len(ids), 1)
        parts = [self.log_probs(ids[i : i + window]) for i in range(0, len(ids), window)]
        return bits_per_character(np.concatenate(parts or [[]]))

    def step(self, prefix):
        """Log-probabilities (N, V) after each row of `prefix` (N, t): the protocol of minattn.decoding."""
        prefix = np.asarray(prefix)
        p = np.full((len(prefix), self.n_symbols), 1 / self.n_symbols)
        for n in range(1, min(self.order, prefix.shape[1] + 1) + 1):
            rows = np.repeat(prefix[:, prefix.shape[1] - n + 1 :], self.n_symbols, axis=0)
            symbols = np.tile(np.arange(self.n_symbols), len(prefix))[:, None]
            codes = self._code_of_rows(np.concatenate([rows, symbols], axis=1))
            p = self._smooth(n, codes, p.ravel()).reshape(p.shape)
        return np.log(p)

    def _smooth(self, n, codes, p):
        """p(x | h) for n-grams `codes`, given `p`, the probability with one symbol less."""
        if not self.levels:
            raise ArgumentError("NGram", expected="a fitted model", got="no counts", hint="model.fit(ids)")
        if n > len(self.levels):  # the training text was shorter than n
            return p
        grams, count, contexts, total, types = self.levels[n - 1]
        c = _find(grams, count, codes)
        h = codes // self.n_symbols
        all_c, t = _find(contexts, total, h), _find(contexts, types, h)
        return np.where(all_c > 0, (c + t * p) / np.maximum(all_c + t, 1), p)

    def _codes(self, ids, n):
        """Each run of n ids as one number; as many as there are runs."""
        if len(ids) < n:
            return np.zeros(0, dtype=np.int64)
        return self._code_of_rows(np.lib.stride_tricks.sliding_window_view(ids, n))

    def _code_of_rows(self, rows):
        return rows @ self.n_symbols ** np.arange(rows.shape[1] - 1, -1, -1, dtype=np.int64)

    def _ids(self, ids):
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 1 or (ids.size and (ids.min() < 0 or ids.max() >= self.n_symbols)):
            raise ArgumentError(
                f"NGram(order={self.order}, n_symbols={self.n_symbols})",
                expected=f"ids (n,) with 0 <= id < {self.n_symbols}",
                got=f"shape {ids.shape}, {ids.min(initial=0)} .. {ids.max(initial=0)}",
                hint="n_symbols=len(vocabulary)",
            )
        return ids


def _find(keys, values, wanted):
    """values[i] where keys[i] == wanted, 0 where there is no such key."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
