"""IBM Model 1: word alignments from counting alone, the yardstick for attention maps."""

import numpy as np

from minattn.errors import ArgumentError


class IBM1:
    """Word translation probabilities t(target | source), learned by expectation maximisation.

        p(f | e) ~ prod_j (1/S) sum_i t(f_j | e_i)                          (Brown et al. 1993, Model 1)

    Each round deals every target word out to the source words of its sentence in proportion to t, then
    counts anew. Word order plays no part. A NULL word in each source may produce words that have no source.

    n_source, n_target    sizes of the vocabularies
    null                  whether there is a NULL word

    After `fit`: `table` (n_source + 1, n_target), rows are distributions, the last row is NULL; `history`,
    the mean log-likelihood of a target word before each round, which never falls.

    >>> model = IBM1(n_source=2, n_target=2, null=False).fit([([0, 1], [0, 1]), ([0], [0])])
    >>> sorted(model.align([0, 1], [1, 0]))
    [(0, 1), (1, 0)]
    """

    def __init__(self, *, n_source, n_target, null=True):
        self.n_source, self.n_target, self.null = n_source, n_target, null
        self.table = np.full((n_source + 1, n_target), 1 / n_target)
        self.history = []

    def fit(self, pairs, rounds=15):
        """Learn from `pairs`, a list of (source ids, target ids); returns self.

        Raises ArgumentError for no pairs, an empty sentence, or ids outside the vocabularies.
        """
        if not len(pairs):
            raise ArgumentError(
                "IBM1.fit", expected="one pair or more", got="none", hint="corpus.ids(corpus.train)"
            )
        cells, options = self._cells(pairs)
        starts = np.cumsum(options) - options
        for _ in range(rounds):
            share = self.table.ravel()[cells]
            total = np.add.reduceat(share, starts)
            self.history.append(float(np.log(total / options).mean()))
            counts = np.bincount(cells, share / np.repeat(total, options), self.table.size)
            counts = counts.reshape(self.table.shape)
            seen = counts.sum(1, keepdims=True)
            self.table = np.where(seen > 0, counts / np.where(seen > 0, seen, 1), self.table)
        return self

    def weights(self, source, target):
        """The probability (T, S) that source word s made target word t: the attention map of this model.

        Rows sum to 1, or to less where NULL takes a part.
        """
        return self._posterior(source, target)[:, : len(source)]

    def align(self, source, target):
        """The most probable alignment, a set of (target index, source index).

        A target word that NULL explains best, or that no source word explains, has no link.
        """
        best = self._posterior(source, target)
        links = {(t, int(row.argmax())) for t, row in enumerate(best) if row.any()}
        return {(t, s) for t, s in links if s < len(source)}

    def _posterior(self, source, target):
        source, target = self._words(source, target)
        made = self.table[source[:, None], target].T
        total = made.sum(1, keepdims=True)
        return made / np.where(total > 0, total, 1)

    def _cells(self, pairs):
        """For each target word in turn, the places in the flat table of its possible makers; and how many."""
        cells, options = [], []
        for pair in pairs:
            source, target = self._words(*pair)
            cells.append((source * self.n_target + target[:, None]).ravel())
            options.append(np.full(len(target), len(source)))
        return np.concatenate(cells), np.concatenate(options)

    def _words(self, source, target):
        """Both sentences as arrays, NULL added to the source."""
        for name, ids, size in (("source", source, self.n_source), ("target", target, self.n_target)):
            if not len(ids) or min(ids) < 0 or max(ids) >= size:
                raise ArgumentError(
                    f"IBM1(n_source={self.n_source}, n_target={self.n_target})",
                    expected=f"{name} ids in 0 .. {size - 1}, one or more",
                    got=list(ids),
                    hint="n_source=len(source_vocabulary), n_target=len(target_vocabulary)",
                )
        return np.array([*source, self.n_source][: len(source) + self.null]), np.asarray(target)
