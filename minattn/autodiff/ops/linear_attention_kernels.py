"""Linear attention in chunks: a small table of weights within a chunk, a running state from before it.

With the log decay added up inside a chunk, L_i = l_1 + .. + l_i, key j weighs exp(L_i - L_j) for query
i >= j, the state that enters the chunk exp(L_i), and key j in the state that leaves exp(L_last - L_j). None
of these exponents is above 0. Read backwards in time, the table is transposed and the last two swap places.
Source: arXiv 2307.08621, section 2, and 2312.06635, section 4.
"""

import numpy as np

from ...backends import jit, prange
from .kernel_math import exp

CHUNK = 32  # tokens; the products of two 32 x 64 pieces are already near the full speed of BLAS
LEAST = -100.0  # log decay: what is below keeps nothing either
TINY = 1e-30  # a state below is 0: numbers near the smallest make processors slow


@jit
def chunk_weights(decay, reverse, table, past, rest):
    """Fill a chunk's table (n, n), past = exp(L_i) and rest = exp(L_last - L_i); returns exp(L_last).

    decay (n,) or, the same for all tokens, (1,).
    """
    real, n = table.dtype.type, len(past)
    total, log = real(0), rest  # the logs stand in `rest` until the end
    for i in range(n):
        here = decay[i if len(decay) > 1 else 0]
        total += here if here > real(LEAST) else real(LEAST)
        log[i] = total
        past[i] = exp(total)
    for i in range(n):
        for j in range(n):
            table[i, j] = 0
        if reverse:
            for j in range(i, n):
                table[i, j] = exp(log[j] - log[i])
        else:
            for j in range(i + 1):
                table[i, j] = exp(log[i] - log[j])
    for i in range(n):
        rest[i] = exp(total - log[i])
    return exp(total)


@jit
def piece(room, n, m):
    """The start of a piece of memory as an (n, m) array."""
    return room[: n * m].reshape(n, m)


@jit
def weigh(scores, table):
    """scores *= table."""
    for i in range(scores.shape[0]):
        for j in range(scores.shape[1]):
            scores[i, j] *= table[i, j]


@jit
def add_scaled(out, factor, part):
    """out += factor * part, one factor a row."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] += factor[i] * part[i, c]


@jit
def scaled(x, factor, out):
    """out = factor * x, one factor a row."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = factor[i] * x[i, c]


@jit
def keep_and_add(state, keep, part):
    """state = keep * state + part."""
    tiny = state.dtype.type(TINY)
    for f in range(state.shape[0]):
        for c in range(state.shape[1]):
            new = keep * state[f, c] + part[f, c]
            state[f, c] = new if abs(new) > tiny else 0


@jit(parallel=True)
def linear_scan(q, k, decay, v, reverse, state, out):
    """Fills out (M, T, dv) and takes state (M, F, dv) from before the first chunk to after the last one.

    q, k   (N, T, F) with M a multiple of N: M / N neighbours of v share q, k and decay
    decay  (N, T), or (N, 1) for the same at all tokens
    v      (M, T, dv)
    """
    n_tokens, width, depth = q.shape[1], q.shape[2], v.shape[2]
    for m in prange(v.shape[0]):
        n = m // (v.shape[0] // q.shape[0])
        room = np.empty((3, CHUNK * max(CHUNK, width, depth)), q.dtype)
        past, rest = np.empty(CHUNK, q.dtype), np.empty(CHUNK, q.dtype)
        added, size, keep = np.empty((width, depth), q.dtype), 0, q.dtype.type(1)
        table = piece(room[0], CHUNK, CHUNK)
        for turn in range(-(-n_tokens // CHUNK)):
            start = (-(-n_tokens // CHUNK) - 1 - turn if reverse else turn) * CHUNK
            queries, keys = q[n, start : start + CHUNK], k[n, start : start + CHUNK]
            values, outs = v[m, start : start + CHUNK], out[m, start : start + CHUNK]
            if decay.shape[1] > 1 or len(keys) != size:
                size = len(keys)
                table = piece(room[0], size, size)
                here = decay[n, start : start + size] if decay.shape[1] > 1 else decay[n]
                keep = chunk_weights(here, reverse, table, past[:size], rest[:size])
            enter, leave = (rest, past) if reverse else (past, rest)
            scores = piece(room[1], size, size)
            np.dot(queries, keys.T, scores)
            weigh(scores, table)
            np.dot(scores, values, outs)
            before = piece(room[1], size, depth)
            np.dot(queries, state[m], before)
            add_scaled(outs, enter, before)
            leaving = piece(room[2], size, width)
            scaled(keys, leave, leaving)
            np.dot(leaving.T, values, added)
            keep_and_add(state[m], keep, added)
