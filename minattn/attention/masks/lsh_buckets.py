"""Keys by the bucket: a query sees those that the same hash sends to the same place."""

from ...backends import xp
from ...errors import ArgumentError


class LSHBuckets:
    """A query sees its own place, and the keys that share its bucket in at least one of `rounds` hashes.

        bucket(x) = argmax over [x R, -x R]        R (d, n_buckets / 2): directions drawn once

    Vectors with a small angle between them tend to share a bucket, and those have the largest weights. The
    hash looks at directions alone and passes no gradient on. Beside it put Causal. With one bucket this is
    full attention (tested).

    n_buckets  even, or 1
    d_head     length of queries and keys
    Source: arXiv 2001.04451, section 2 and equation 2. Ours: queries and keys are projected apart; the table
    of all pairs is made and then masked, so that the saving is counted, not clocked.
    """

    def __init__(self, n_buckets, d_head, *, rounds=2, rng):
        if not (n_buckets == 1 or n_buckets >= 2 and n_buckets % 2 == 0) or d_head < 1 or rounds < 1:
            raise ArgumentError(
                "LSHBuckets(n_buckets, d_head, rounds=...)",
                expected="n_buckets 1 or even; d_head and rounds >= 1",
                got=(n_buckets, d_head, rounds),
                hint="LSHBuckets(8, d_head, rng=rng)",
            )
        self.n_buckets, self.d_head, self.rounds = n_buckets, d_head, rounds
        self.directions = rng.normal(size=(rounds, d_head, n_buckets // 2))

    def __call__(self, t):
        """(B,H,T,S)."""
        keys = xp.repeat(t.k.data, t.q.shape[1] // t.k.shape[1], axis=1)
        mine, theirs = self.bucket(t.q.data), self.bucket(keys)
        shared = (mine[..., :, None] == theirs[..., None, :]).any(axis=0)
        return shared | (t.q_pos[:, None] == t.k_pos)

    def bucket(self, x):
        """x (B,H,T,d) -> its bucket in each round (rounds,B,H,T)."""
        if self.n_buckets == 1:
            return xp.zeros((self.rounds, *x.shape[:-1]), dtype=int)
        turned = x @ xp.asarray(self.directions, dtype=x.dtype)[:, None, None]
        return xp.argmax(xp.concatenate([turned, -turned], axis=-1), axis=-1)
