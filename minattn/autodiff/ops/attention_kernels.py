"""Attention in tiles: the scores of 64 queries and 64 keys at a time, never all of them.

Forward. For the scores s of a query, out = sum exp(s - top) v / sum exp(s - top), with any number top. Going
over the keys tile by tile, top is the largest score so far; when it grows by c, both sums shrink by exp(-c).
Kept is one number a query, lse = log sum exp(s) = top + log sum exp(s - top).

Backward. w = exp(s - lse) makes the weights again. With along = sum(g out) of a query, ds = w (g v - along);
dq = scale sum ds k over the keys, dk = scale sum ds q and dv = sum w g over the queries.

Threads. A turn is a head and every parts-th block of it, of queries forward and of keys backward: no two
turns add to one number, and causal work is shared evenly. Backward each part has its own sum for dq.
Source: arXiv 2205.14135, algorithms 1 and 4.

    q (B, H, T, d)   k (B, Hk, S, d)   v (B, Hk, S, dv)   Hk key heads, each for H / Hk query heads
    swapped          a boolean for each of q, k, v (and g, out): in memory it is (B, T, H, d)
    rules            (mask, bias, radial, low, high): mask and bias (B or 1, H or 1, T or 1, S), empty = none;
                     radial (H or 1, T + S - 1), the bias by distance, empty = none; allowed are the keys with
                     low <= key - query <= high
"""

import numpy as np

from ...backends import jit, prange
from .attention_tiles import (
    TILE,
    add,
    copy_rows,
    head_copy,
    keys_in_reach,
    row_products,
    rules_of,
    score_gradient,
    scores,
    shrink_and_add,
    table,
    turn_rows,
    weigh,
    write_rows,
)


@jit
def finish(sums, top, total, lse):
    """Divide by the sums. Their log goes to lse; infinity where a query has no key, then exp(s - lse) = 0."""
    for r in range(sums.shape[0]):
        if total[r] == 0:
            lse[r] = np.inf
        else:
            lse[r] = top[r] + np.log(total[r])
            for c in range(sums.shape[1]):
                sums[r, c] /= total[r]


@jit
def forward_block(queries, keys, values, i, rules, sums, lse):
    """What the queries of one block gather, into sums (queries, dv), and their lse.

    queries   (d, queries), times scale; i is the first of them
    keys, values, rules of their head
    """
    m, kind = lse.size, keys.dtype
    top, total = np.full(m, -np.inf, kind), np.zeros(m, kind)
    shift, shrink = np.empty(m, kind), np.empty(m, kind)
    room, part = np.empty(TILE * m, kind), np.empty(sums.shape, kind)
    sums[:] = 0
    start, stop = keys_in_reach(rules[3], i, m, len(keys))
    for j in range(start, stop, TILE):
        n = min(TILE, stop - j)
        tile = table(room, n, m)
        if scores(keys, queries, i, j, rules, tile):
            weigh(tile, top, total, shift, shrink)
            np.dot(tile.T, values[j : j + n], part)
            shrink_and_add(sums, shrink, part)
    finish(sums, top, total, lse)


@jit(parallel=True)
def attention_forward(q, k, v, swapped, rules, scale, out, lse, parts):
    """Fills out (in memory like v) and lse (B, H, T)."""
    n_batch, n_heads, n_q = lse.shape
    n_groups, d = k.shape[2] if swapped[1] else k.shape[1], k.shape[3]
    for turn in prange(n_batch * n_heads * parts):
        b, h, part = turn // parts // n_heads, turn // parts % n_heads, turn % parts
        group, of_head = h * n_groups // n_heads, rules_of(rules, b, h)
        keys, values = head_copy(k, swapped[1], b, group), head_copy(v, swapped[2], b, group)
        for i in range(part * TILE, n_q, parts * TILE):
            m = min(TILE, n_q - i)
            rows, queries = np.empty((m, d), q.dtype), np.empty((d, m), q.dtype)
            copy_rows(q, swapped[0], (b, h, i), scale, rows)
            turn_rows(rows, queries)
            sums = np.empty((m, v.shape[3]), q.dtype)
            forward_block(queries, keys, values, i, of_head, sums, lse[b, h, i : i + m])
            write_rows(sums, q.dtype.type(1), out, swapped[2], (b, h, i))


@jit
def backward_block(rows, g_rows, along, lse, place, keys, values, rules, sums):
    """Adds what one block of queries gives to the gradients of every parts-th block of keys.

    rows, g_rows   (queries, d or dv) scale * q, and g
    place          (first query, which block of keys comes first, parts)
    sums           (d_q, d_k, d_v): of this block of queries, of all keys, of all values
    """
    (i, part, parts), (d_q, d_k, d_v) = place, sums
    m, d, width = rows.shape[0], rows.shape[1], g_rows.shape[1]
    room = np.empty((3, TILE * max(m, d, width)), rows.dtype)
    queries, grads = np.empty((d, m), rows.dtype), np.empty((width, m), rows.dtype)
    turn_rows(rows, queries)
    turn_rows(g_rows, grads)
    start, stop = keys_in_reach(rules[3], i, m, len(keys))
    start += (part - start // TILE) % parts * TILE
    for j in range(start, stop, parts * TILE):
        n = min(TILE, stop - j)
        tile, away = table(room[0], n, m), table(room[1], n, m)
        if scores(keys, queries, i, j, rules, tile):
            np.dot(values[j : j + n], grads, away)
            score_gradient(tile, away, along, lse)
            to_v, to_k, to_q = table(room[2], n, width), table(room[2], n, d), table(room[2], m, d)
            np.dot(tile, g_rows, to_v)
            add(d_v[j : j + n], to_v)
            np.dot(away, rows, to_k)
            add(d_k[j : j + n], to_k)
            np.dot(away.T, keys[j : j + n], to_q)
            add(d_q, to_q)


@jit(parallel=True)
def attention_backward(g, out, lse, q, k, v, swapped, rules, scale, dq, dk, dv):
    """Fills dk, dv and dq (parts, ..), whose sum over the parts is the gradient; g = dL/d(out).

    swapped   for g, out, q, k, v; dq, dk, dv are in memory like q, k, v
    """
    n_batch, n_heads, n_q = lse.shape
    n_groups, d, width = k.shape[2] if swapped[3] else k.shape[1], k.shape[3], v.shape[3]
    parts, one = dq.shape[0], q.dtype.type(1)
    for turn in prange(n_batch * n_groups * parts):
        b, group, part = turn // parts // n_groups, turn // parts % n_groups, turn % parts
        keys, values = head_copy(k, swapped[3], b, group), head_copy(v, swapped[4], b, group)
        d_keys, d_values = np.zeros(keys.shape, q.dtype), np.zeros(values.shape, q.dtype)
        for h in range(group * n_heads // n_groups, (group + 1) * n_heads // n_groups):
            of_head = rules_of(rules, b, h)
            for i in range(0, n_q, TILE):
                m = min(TILE, n_q - i)
                rows, d_rows = np.empty((m, d), q.dtype), np.zeros((m, d), q.dtype)
                g_rows, o_rows = np.empty((m, width), q.dtype), np.empty((m, width), q.dtype)
                copy_rows(g, swapped[0], (b, h, i), one, g_rows)
                copy_rows(out, swapped[1], (b, h, i), one, o_rows)
                copy_rows(q, swapped[2], (b, h, i), scale, rows)
                along, logs = np.empty(m, q.dtype), lse[b, h, i : i + m]
                row_products(g_rows, o_rows, along)
                place, sums = (i, part, parts), (d_rows, d_keys, d_values)
                backward_block(rows, g_rows, along, logs, place, keys, values, of_head, sums)
                write_rows(d_rows, scale, dq[part], swapped[2], (b, h, i))
        for j in range(part * TILE, len(keys), parts * TILE):
            write_rows(d_keys[j : j + TILE], one, dk, swapped[3], (b, group, j))
            write_rows(d_values[j : j + TILE], one, dv, swapped[4], (b, group, j))
