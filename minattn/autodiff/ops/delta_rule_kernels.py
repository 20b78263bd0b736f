"""The delta rule's corrections in chunks: what each value still adds to what the state gives for its key.

Within a chunk they depend on one another through a triangular table, and are found one row after the other.
Source: arXiv 2406.06484, section 3; with decay 2412.06464, section 3.
"""

import numpy as np

from ...backends import jit, prange
from .linear_attention_kernels import CHUNK, chunk_weights, keep_and_add, piece


@jit
def triangular(keys, table, beta, scores):
    """scores_ij = table_ij (k_i . k_j) beta_j."""
    np.dot(keys, keys.T, scores)
    for i in range(scores.shape[0]):
        for j in range(scores.shape[1]):
            scores[i, j] *= table[i, j] * beta[j]


@jit
def less_scaled(x, factor, part, out):
    """out = x - factor * part, one factor a row."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = x[i, c] - factor[i] * part[i, c]


@jit
def take_away(row, factor, other):
    """row -= factor * other."""
    for c in range(row.size):
        row[c] -= factor * other[c]


@jit
def substitute(scores, reverse, rows):
    """row_i -= sum_j scores_ij row_j over the rows j that are done: before i, in reverse those after."""
    n = len(rows)
    for turn in range(n):
        i = n - 1 - turn if reverse else turn
        for j in range(i + 1, n) if reverse else range(i):
            take_away(rows[i], scores[i, j], rows[j])


@jit
def scaled_twice(x, factor, other, out):
    """out = factor * other * x, one of both a row."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = factor[i] * other[i] * x[i, c]


@jit(parallel=True)
def delta_scan(k, beta, decay, v, reverse, state, out):
    """Fills out (M, T, dv) with v_i - S^T k_i and takes state (M, F, dv) to after the last chunk.

    k (N, T, F), beta (N, T), decay (N, T) or (N, 1), v (M, T, dv), M a multiple of N as in `linear_scan`.
    """
    n_tokens, width, depth = k.shape[1], k.shape[2], v.shape[2]
    for m in prange(v.shape[0]):
        n = m // (v.shape[0] // k.shape[0])
        room = np.empty((3, CHUNK * max(CHUNK, width, depth)), k.dtype)
        past, rest = np.empty(CHUNK, k.dtype), np.empty(CHUNK, k.dtype)
        added, size, keep = np.empty((width, depth), k.dtype), 0, k.dtype.type(1)
        table = piece(room[0], CHUNK, CHUNK)
        for turn in range(-(-n_tokens // CHUNK)):
            start = (-(-n_tokens // CHUNK) - 1 - turn if reverse else turn) * CHUNK
            keys, rates = k[n, start : start + CHUNK], beta[n, start : start + CHUNK]
            outs = out[m, start : start + CHUNK]
            if decay.shape[1] > 1 or len(keys) != size:
                size = len(keys)
                table = piece(room[0], size, size)
                here = decay[n, start : start + size] if decay.shape[1] > 1 else decay[n]
                keep = chunk_weights(here, reverse, table, past[:size], rest[:size])
            enter, leave = (rest, past) if reverse else (past, rest)
            known = piece(room[1], size, depth)
            np.dot(keys, state[m], known)
            less_scaled(v[m, start : start + CHUNK], enter, known, outs)
            scores = piece(room[1], size, size)
            triangular(keys, table, rates, scores)
            substitute(scores, reverse, outs)
            leaving = piece(room[2], size, width)
            scaled_twice(keys, leave, rates, leaving)
            np.dot(leaving.T, outs, added)
            keep_and_add(state[m], keep, added)
