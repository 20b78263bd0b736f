"""Matrix products on the pool's threads: each turn is one call of BLAS, on rows of its own.

One cut of the rows into as many pieces as there are threads is the fastest: BLAS copies both factors into
an order of its own before it multiplies, and small pieces pay for that more often.
"""

import numpy as np

from ...backends import jit, prange, threads


def share(x):
    """How many rows of x (N, k) each thread takes."""
    return -(-x.shape[0] // threads())


@jit(parallel=True)
def rows_by_transposed(x, y, bias, out, size):
    """out = x y^T + bias: x (N, k), y (m, k), bias (m,), or empty for none; `size` rows a turn."""
    for turn in prange(-(-x.shape[0] // size)):
        part = out[turn * size : turn * size + size]
        np.dot(x[turn * size : turn * size + size], y.T, part)
        if bias.size > 0:
            for i in range(part.shape[0]):
                for j in range(part.shape[1]):
                    part[i, j] += bias[j]


@jit(parallel=True)
def rows_by(x, y, out, size):
    """out = x y: x (N, k), y (k, m); `size` rows a turn."""
    for turn in prange(-(-x.shape[0] // size)):
        np.dot(x[turn * size : turn * size + size], y, out[turn * size : turn * size + size])


@jit(parallel=True)
def transposed_by(x, y, out, more, sums, size):
    """out = x^T y, a sum over the rows of x (N, k) and y (N, m); the rows of `sums` add up to those of x.

    Each turn takes `size` rows of its own. The first writes its share of the sum into out, the others
    into theirs of `more`, which the threads then add, each to its own rows of out. `sums` may be empty.
    """
    for turn in prange(1 + more.shape[0]):
        part = x[turn * size : turn * size + size]
        into = out if turn == 0 else more[turn - 1]
        np.dot(part.T, y[turn * size : turn * size + size], into)
        if sums.size > 0:
            total = sums[turn]
            total[:] = 0
            for i in range(part.shape[0]):
                for j in range(total.size):
                    total[j] += part[i, j]
    if more.shape[0] > 0:
        for i in prange(out.shape[0]):
            row = out[i]
            for other in range(more.shape[0]):
                for j in range(row.size):
                    row[j] += more[other, i, j]


def sum_over_rows(x, y, with_sums=False):
    """x^T y (k, m), and the sum of x's rows (k,) where asked for."""
    size = share(x)
    turns, (k, m) = -(-len(x) // size), (x.shape[1], y.shape[1])
    out, more = np.empty((k, m), x.dtype), np.empty((turns - 1, k, m), x.dtype)
    sums = np.empty((turns if with_sums else 0, k), x.dtype)
    transposed_by(x, y, out, more, sums, size)
    return out, sums.sum(axis=0)


@jit(parallel=True)
def pairs(x, y, out):
    """out[i] = x[i] y[i]: x (A, n, k), y (A, k, m)."""
    for i in prange(x.shape[0]):
        np.dot(x[i], y[i], out[i])


@jit(parallel=True)
def pairs_for_x(g, y, d_x):
    """d_x[i] = g[i] y[i]^T: g (A, n, m), y (A, k, m)."""
    for i in prange(g.shape[0]):
        np.dot(g[i], y[i].T, d_x[i])


@jit(parallel=True)
def pairs_for_y(g, x, d_y):
    """d_y[i] = x[i]^T g[i]: g (A, n, m), x (A, n, k)."""
    for i in prange(g.shape[0]):
        np.dot(x[i].T, g[i], d_y[i])
