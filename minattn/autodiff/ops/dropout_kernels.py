"""Dropout by compiled loops: the words of Philox4x32-10, piece by piece, used while they are in the cache.

The rounds are those of `philox` in dropout.py. Here each is a loop over the counters of a piece: so few
operations, the same for every counter, become vector instructions; all ten rounds in one loop do not.
"""

import numpy as np

from ...backends import jit, prange

PIECE = 4096  # elements a turn, whose words come from PIECE / 4 counters
LOW, UPPER = np.uint64(0xFFFFFFFF), np.uint64(32)
TIMES_A, TIMES_C = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
STEP_K, STEP_M = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@jit
def one_round(a, b, c, d, k, m):
    """The next words, in place: uint32 arrays, one element a counter. The key k, m is uint32 too."""
    for i in range(a.size):
        left, right = np.uint64(a[i]) * TIMES_A, np.uint64(c[i]) * TIMES_C
        a[i] = np.uint32(right >> UPPER) ^ b[i] ^ k
        c[i] = np.uint32(left >> UPPER) ^ d[i] ^ m
        b[i], d[i] = np.uint32(right & LOW), np.uint32(left & LOW)


@jit
def piece_of_words(start, k, m, words):
    """The words of counters start, start + 1, .. into the rows of words (n, 4); start, k and m are uint64."""
    columns = np.zeros((4, len(words)), np.uint32)
    a, b, c, d = columns[0], columns[1], columns[2], columns[3]
    for i in range(len(words)):
        count = start + np.uint64(i)
        a[i], b[i] = np.uint32(count & LOW), np.uint32(count >> UPPER)
    for _ in range(10):
        one_round(a, b, c, d, np.uint32(k), np.uint32(m))
        k, m = (k + STEP_K) & LOW, (m + STEP_M) & LOW
    for i in range(len(words)):
        for j in range(4):
            words[i, j] = columns[j, i]


@jit
def keep_from(limit, x, words, scale, out):
    """out = x scale where the word is not below the limit, else 0."""
    zero = x.dtype.type(0)
    for i in range(x.size):
        out[i] = x[i] * scale if words[i] >= limit else zero


@jit(parallel=True)
def drop_flat(x, k, m, limit, scale, out):
    """Dropout of x (n,) into out (n,): key words k, m (uint64), `limit` (uint32), `scale` of x's type."""
    for turn in prange(-(-x.size // PIECE)):
        part = slice(turn * PIECE, min(turn * PIECE + PIECE, x.size))
        words = np.empty((-(-(part.stop - part.start) // 4), 4), np.uint32)
        piece_of_words(np.uint64(turn * PIECE // 4), k, m, words)
        keep_from(limit, x[part], words.reshape(-1), scale, out[part])
