"""Attention in tiles: the scores of 64 queries and 64 keys at a time, never all of them.

A tile stands keys x queries, so that what runs over the keys (the largest score, the sum) is vector
arithmetic on whole rows of queries. Forward keeps one number a query, the log of its sum of
exponentials; backward makes the weights again from it. Source: arXiv 2205.14135, algorithms 1 and 4.

Mask and bias come with the keys before the queries: (B or 1, H or 1, S, T or 1); empty = none.
"""

import numpy as np

from ...backends import jit
from .kernel_math import exp

TILE = 64


@jit
def offsets(tile, mask, bias, place, key):
    """Fill a tile with what is added to its scores: bias, -inf where forbidden. False where all is.

    place = (b, h, first query), key = first key.
    """
    b, h, query = place
    never, count = tile.dtype.type(-np.inf), 0
    for j in range(tile.shape[0]):
        for i in range(tile.shape[1]):
            tile[j, i] = 0
    if bias.size > 0:
        of_head = bias[min(b, len(bias) - 1), min(h, bias.shape[1] - 1)]
        for j in range(tile.shape[0]):
            for i in range(tile.shape[1]):
                tile[j, i] = of_head[key + j, query + i if of_head.shape[1] > 1 else 0]
    if mask.size > 0:
        allowed = mask[min(b, len(mask) - 1), min(h, mask.shape[1] - 1)]
        for j in range(tile.shape[0]):
            for i in range(tile.shape[1]):
                may = allowed[key + j, query + i if allowed.shape[1] > 1 else 0]
                tile[j, i] = tile[j, i] if may else never
                count += may
    return mask.size == 0 or count > 0


@jit
def raise_top(tile, extra, scale, top):
    """tile = tile * scale + extra; top = max(top, each row)."""
    for j in range(tile.shape[0]):
        for i in range(tile.shape[1]):
            tile[j, i] = tile[j, i] * scale + extra[j, i]
            top[i] = tile[j, i] if tile[j, i] > top[i] else top[i]


@jit
def exp_and_add(tile, shift, total):
    """tile = exp(tile - shift); total += each row."""
    for j in range(tile.shape[0]):
        for i in range(tile.shape[1]):
            tile[j, i] = exp(tile[j, i] - shift[i])
            total[i] += tile[j, i]


@jit
def weigh(tile, extra, scale, top, total, shift, shrink):
    """Scores become exponentials.

    top, total   (rows,) the largest score and the sum so far; they go on
    shrink       becomes what earlier sums must be multiplied by; shift is room to work
    """
    none = tile.dtype.type(-np.inf)
    for i in range(top.size):
        shift[i] = top[i]
    raise_top(tile, extra, scale, shift)
    for i in range(top.size):
        before, top[i] = top[i], shift[i]
        shift[i] = 0 if top[i] == none else top[i]  # no key yet: any number will do
        shrink[i] = exp(before - shift[i])
        total[i] *= shrink[i]
    exp_and_add(tile, shift, total)


@jit
def table(room, n, m):
    """The start of a piece of memory as an (n, m) array."""
    return room[: n * m].reshape(n, m)


@jit
def shrink_and_add(out, factor, part):
    """out = out * factor + part; factor has one number a row."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = out[i, c] * factor[i] + part[i, c]


@jit
def add(out, part):
    """out += part."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] += part[i, c]


@jit
def finish(out, top, total, lse):
    """Divide by the sums; the log of a row's sum of exponentials goes to lse, 0 for an empty row."""
    for i in range(out.shape[0]):
        if total[i] == 0:
            lse[i] = 0
        else:
            lse[i] = top[i] + np.log(total[i])
            for c in range(out.shape[1]):
                out[i, c] /= total[i]


@jit
def attention_forward(q, k, v, mask, bias, scale, out, lse):
    """Fills out (B, H, T, dv), which comes as zeros, and lse (B, H, T)."""
    n_batch, n_heads, n_q = lse.shape
    width, room = v.shape[3], np.empty((3, TILE * max(TILE, v.shape[3])), q.dtype)
    top, total = np.empty(TILE, q.dtype), np.empty(TILE, q.dtype)  # four arrays, not four rows of one:
    shift, shrink = np.empty(TILE, q.dtype), np.empty(TILE, q.dtype)  # only so does the compiler vectorise
    for block in range(n_batch * n_heads * -(-n_q // TILE)):
        b, h, i = block // n_heads % n_batch, block % n_heads, block // (n_heads * n_batch) * TILE
        queries = q[b, h, i : i + TILE]
        rows = len(queries)
        sums = out[b, h, i : i + TILE]
        for r in range(rows):
            top[r], total[r] = -np.inf, 0
        for j in range(0, k.shape[2], TILE):
            keys = k[b, h, j : j + TILE]
            extra, tile = table(room[0], len(keys), rows), table(room[1], len(keys), rows)
            if offsets(extra, mask, bias, (b, h, i), j):
                np.dot(keys, queries.T, tile)
                weigh(tile, extra, scale, top[:rows], total[:rows], shift[:rows], shrink[:rows])
                part = table(room[2], rows, width)
                np.dot(tile.T, v[b, h, j : j + TILE], part)
                shrink_and_add(sums, shrink, part)
        finish(sums, top, total, lse[b, h, i : i + TILE])


@jit
def score_gradient(tile, away, extra, scale, along, lse):
    """Scores become weights, dL/d(weights) in `away` becomes scale * dL/d(scores)."""
    for j in range(tile.shape[0]):
        for i in range(tile.shape[1]):
            tile[j, i] = exp(tile[j, i] * scale + extra[j, i] - lse[i])
            away[j, i] = tile[j, i] * (away[j, i] - along[i]) * scale


@jit
def row_products(g, out, along):
    """along = the sum of each row of g * out."""
    for i in range(g.shape[0]):
        along[i] = 0
        for c in range(g.shape[1]):
            along[i] += g[i, c] * out[i, c]


@jit
def attention_backward(g, out, lse, q, k, v, mask, bias, scale, dq, dk, dv):
    """Adds to dq, dk, dv, which come as zeros; g = dL/d(out)."""
    n_batch, n_heads, n_q, d = q.shape
    width, room = v.shape[3], np.empty((4, TILE * max(TILE, d, v.shape[3])), q.dtype)
    along = np.empty(TILE, q.dtype)
    for block in range(n_batch * n_heads * -(-n_q // TILE)):
        b, h, i = block // n_heads % n_batch, block % n_heads, block // (n_heads * n_batch) * TILE
        queries, g_rows, logs = q[b, h, i : i + TILE], g[b, h, i : i + TILE], lse[b, h, i : i + TILE]
        rows = len(queries)
        row_products(g_rows, out[b, h, i : i + TILE], along)
        for j in range(0, k.shape[2], TILE):
            keys, values = k[b, h, j : j + TILE], v[b, h, j : j + TILE]
            n = len(keys)
            extra, tile, away = table(room[0], n, rows), table(room[1], n, rows), table(room[2], n, rows)
            if offsets(extra, mask, bias, (b, h, i), j):
                np.dot(keys, queries.T, tile)
                np.dot(values, g_rows.T, away)
                score_gradient(tile, away, extra, scale, along, logs)
                part_v, part_k, part_q = (
                    table(room[3], n, width),
                    table(room[3], n, d),
                    table(room[3], rows, d),
                )
                np.dot(tile, g_rows, part_v)
                add(dv[b, h, j : j + TILE], part_v)
                np.dot(away, queries, part_k)
                add(dk[b, h, j : j + TILE], part_k)
                np.dot(away.T, keys, part_q)
                add(dq[b, h, i : i + TILE], part_q)
