import numpy as np
import pytest


class Table:
    """A random language model over V tokens: log-probabilities depend on the whole prefix, through a hash."""

    def __init__(self, n_tokens, seed):
        self.n_tokens, self.seed = n_tokens, seed

    def row(self, prefix):
        logits = np.random.default_rng([self.seed, *map(int, prefix)]).normal(size=self.n_tokens) * 1.5
        return logits - np.log(np.exp(logits).sum())

    def __call__(self, prefix):
        return np.array([self.row(p) for p in prefix])


class Cached(Table):
    """The same model from a cache of its own: it reads the last column only, and must be reordered."""

    def __init__(self, n_tokens, seed):
        super().__init__(n_tokens, seed)
        self.rows, self.calls = None, []

    def __call__(self, prefix):
        if self.rows is None:
            self.rows = [p.tolist() for p in prefix]
        else:
            self.rows = [[*row, int(new)] for row, new in zip(self.rows, prefix[:, -1])]
        self.calls.append("step")
        return super().__call__(self.rows)

    def reorder(self, rows):
        self.rows = [self.rows[i] for i in rows]
        self.calls.append("reorder")


@pytest.fixture
def table():
    return Table


@pytest.fixture
def cached():
    return Cached
