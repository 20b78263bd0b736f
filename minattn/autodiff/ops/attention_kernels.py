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
    tile[:] = 0
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
def weigh(tile, extra, scale, stats):
    """Scores become exponentials; stats (4, rows) go on.

    stats   the largest score so far, the sum so far, a shift, and the factor for earlier sums
    """
    top, total, shift, shrink = stats[0], stats[1], stats[2], stats[3]
    none = tile.dtype.type(-np.inf)
    shift[:] = top
    raise_top(tile, extra, scale, shift)
    for i in range(top.size):
        before, top[i] = top[i], shift[i]
        shift[i] = 0 if top[i] == none else top[i]  # no key yet: any number will do
        shrink[i] = exp(before - shift[i])
        total[i] *= shrink[i]
    exp_and_add(tile, shift, total)


@jit
def forward_tiles(q, k, v, mask, bias, scale, place, out, lse, room):
    """All keys for one block of queries q (rows, d); place = (b, h, first query)."""
    rows, width, real = q.shape[0], v.shape[1], q.dtype.type
    stats, part = room[3, : 4 * rows].reshape(4, rows), room[2, : rows * width].reshape(rows, width)
    out[:], stats[0], stats[1] = 0, -np.inf, 0
    for j in range(0, k.shape[0], TILE):
        keys = k[j : j + TILE]
        extra = room[1, : len(keys) * rows].reshape(len(keys), rows)
        if not offsets(extra, mask, bias, place, j):
            continue
        tile = room[0, : len(keys) * rows].reshape(len(keys), rows)
        np.dot(keys, q.T, tile)
        weigh(tile, extra, scale, stats)
        np.dot(tile.T, v[j : j + TILE], part)
        for i in range(rows):
            for c in range(width):
                out[i, c] = out[i, c] * stats[3, i] + part[i, c]
    for i in range(rows):
        top, total = stats[0, i], stats[1, i]
        if total == 0:  # may attend nowhere: zeros
            lse[i] = 0
        else:
            lse[i] = top + np.log(total)
            out[i] *= real(1) / total


@jit
def attention_forward(q, k, v, mask, bias, scale, out, lse):
    """out (B, H, T, dv) and lse (B, H, T), the log of each row's sum of exponentials (0 for an empty row)."""
    room = np.empty((4, TILE * max(TILE, v.shape[3])), q.dtype)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for i in range(0, q.shape[2], TILE):
                forward_tiles(
                    q[b, h, i : i + TILE], k[b, h], v[b, h], mask, bias, scale, (b, h, i),
                    out[b, h, i : i + TILE], lse[b, h, i : i + TILE], room,
                )  # fmt: skip


@jit
def score_gradient(tile, away, extra, scale, along, lse):
    """Scores become weights, dL/d(weights) in `away` becomes scale * dL/d(scores)."""
    for j in range(tile.shape[0]):
        for i in range(tile.shape[1]):
            tile[j, i] = exp(tile[j, i] * scale + extra[j, i] - lse[i])
            away[j, i] = tile[j, i] * (away[j, i] - along[i]) * scale


@jit
def backward_tiles(q, k, v, g, along, lse, mask, bias, scale, place, dq, dk, dv, room):
    """All keys for one block of queries: fills dq (rows, d), adds to dk and dv."""
    rows, d, width = q.shape[0], q.shape[1], v.shape[1]
    dq[:] = 0
    part_q = room[3, : rows * d].reshape(rows, d)
    for j in range(0, k.shape[0], TILE):
        keys, values = k[j : j + TILE], v[j : j + TILE]
        n = len(keys)
        extra = room[1, : n * rows].reshape(n, rows)
        if not offsets(extra, mask, bias, place, j):
            continue
        tile, away = room[0, : n * rows].reshape(n, rows), room[2, : n * rows].reshape(n, rows)
        np.dot(keys, q.T, tile)
        np.dot(values, g.T, away)
        score_gradient(tile, away, extra, scale, along, lse)
        part_v, part_k = room[4, : n * width].reshape(n, width), room[5, : n * d].reshape(n, d)
        np.dot(tile, g, part_v)
        np.dot(away, q, part_k)
        np.dot(away.T, keys, part_q)
        dv[j : j + TILE] += part_v
        dk[j : j + TILE] += part_k
        dq += part_q


@jit
def attention_backward(g, out, lse, q, k, v, mask, bias, scale, dq, dk, dv):
    """Fills dq, dk, dv; g = dL/d(out)."""
    room = np.empty((6, TILE * max(TILE, q.shape[3], v.shape[3])), q.dtype)
    along = np.zeros(q.shape[2], q.dtype)
    dk[:], dv[:] = 0, 0
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            along[:] = 0
            for i in range(q.shape[2]):
                for c in range(v.shape[3]):
                    along[i] += g[b, h, i, c] * out[b, h, i, c]
            for i in range(0, q.shape[2], TILE):
                backward_tiles(
                    q[b, h, i : i + TILE], k[b, h], v[b, h], g[b, h, i : i + TILE],
                    along[i : i + TILE], lse[b, h, i : i + TILE], mask, bias, scale, (b, h, i),
                    dq[b, h, i : i + TILE], dk[b, h], dv[b, h], room,
                )  # fmt: skip
