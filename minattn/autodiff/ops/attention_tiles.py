"""What the attention kernels do with one tile of scores: keys x queries, so tile[c, r] is key c, query r.

So what runs over the keys (the largest score, the sum) is vector arithmetic on whole rows of queries, and
every product of matrices takes the form that BLAS multiplies fastest (the first factor in memory order or
transposed, the second in memory order).

Heads come as they lie in memory: (B, H, T, d), or (B, T, H, d) with `swapped`, and are copied to rooms of
a kernel's own: a few rows for each product of thousands of numbers.
"""

import numpy as np

from ...backends import jit
from .kernel_math import exp

TILE = 64


@jit
def table(room, n, m):
    """The start of a piece of memory as an (n, m) array."""
    return room[: n * m].reshape(n, m)


@jit
def copy_rows(x, swapped, place, factor, to):
    """to[r] = factor * row `first + r` of a head; place = (b, h, first)."""
    b, h, first = place
    for r in range(to.shape[0]):
        row = x[b, first + r, h] if swapped else x[b, h, first + r]
        for c in range(to.shape[1]):
            to[r, c] = row[c] * factor


@jit
def turn_rows(rows, to):
    """to = rows, transposed."""
    for c in range(rows.shape[1]):
        for r in range(rows.shape[0]):
            to[c, r] = rows[r, c]


@jit
def write_rows(rows, factor, x, swapped, place):
    """Row `first + r` of a head of x = factor * rows[r]; place = (b, h, first)."""
    b, h, first = place
    for r in range(rows.shape[0]):
        row = x[b, first + r, h] if swapped else x[b, h, first + r]
        for c in range(rows.shape[1]):
            row[c] = rows[r, c] * factor


@jit
def add(out, part):
    """out += part."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] += part[i, c]


@jit
def shrink_and_add(out, factor, part):
    """out = out * factor + part; factor has one number a row."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = out[i, c] * factor[i] + part[i, c]


@jit(fastmath=True)
def row_products(x, y, out):
    """out = the sum of each row of x * y."""
    for i in range(x.shape[0]):
        total = x.dtype.type(0)
        for c in range(x.shape[1]):
            total += x[i, c] * y[i, c]
        out[i] = total


@jit
def head_copy(x, swapped, b, h):
    """All rows of a head."""
    rows = np.empty((x.shape[1] if swapped else x.shape[2], x.shape[3]), x.dtype)
    copy_rows(x, swapped, (b, h, 0), x.dtype.type(1), rows)
    return rows


@jit
def rules_of(rules, b, h):
    """(mask, bias, radial, (low, high)) for one head; an axis of length 1 holds for all."""
    mask, bias, radial, low, high = rules
    of_mask = mask[min(b, mask.shape[0] - 1), min(h, mask.shape[1] - 1)]
    of_bias = bias[min(b, bias.shape[0] - 1), min(h, bias.shape[1] - 1)]
    return of_mask, of_bias, radial[min(h, radial.shape[0] - 1)], (low, high)


@jit
def keys_in_reach(band, first, n, n_keys):
    """(start, stop) of the keys that queries first .. first + n - 1 may reach; start at a whole tile."""
    low, high = band
    return max(0, first + low) // TILE * TILE, min(n_keys, first + n + high)


@jit
def allowed(mask, i, m, j, n):
    """(whether some, whether all) of the queries i .. i + m - 1 may attend to keys j .. j + n - 1.

    mask   (T or 1, S), or empty: all may
    """
    if mask.size == 0:
        return True, True
    some, every = False, True
    for r in range(min(m, mask.shape[0])):
        row = mask[min(i + r, mask.shape[0] - 1), j : j + n]
        for c in range(n):
            some |= row[c]
            every &= row[c]
    return some, every


@jit
def forbid(tile, i, j, mask):
    """-inf for what a mask (T or 1, S) forbids; queries from i on, keys from j on."""
    never = tile.dtype.type(-np.inf)
    for r in range(tile.shape[1]):
        row = mask[min(i + r, mask.shape[0] - 1)]
        for c in range(tile.shape[0]):
            tile[c, r] = tile[c, r] if row[j + c] else never


@jit
def forbid_far(tile, i, j, band):
    """-inf where key - query is not in low .. high."""
    n, m = tile.shape
    low, high = band
    if j - (i + m - 1) >= low and j + n - 1 - i <= high:
        return  # the tile lies inside
    never = tile.dtype.type(-np.inf)
    for c in range(n):
        away = j + c - i  # minus r is the distance
        tile[c, : min(m, max(0, away - high))] = never
        tile[c, max(0, min(m, away - low + 1)) :] = never


@jit
def add_bias(tile, i, j, bias):
    """Add a bias (T or 1, S)."""
    for r in range(tile.shape[1]):
        row = bias[min(i + r, bias.shape[0] - 1)]
        for c in range(tile.shape[0]):
            tile[c, r] += row[j + c]


@jit
def add_radial(tile, away, radial):
    """Add radial[away - c + r] to tile[c, r]: a bias by distance."""
    for c in range(tile.shape[0]):
        along = radial[away - c :]
        for r in range(tile.shape[1]):
            tile[c, r] += along[r]


@jit
def scores(keys, queries, i, j, rules, tile):
    """tile = the scores of queries (d, m) from i on and of keys from j on, -inf where forbidden.

    False where nothing is allowed; the tile is not filled then.
    """
    mask, bias, radial, band = rules
    n, m = tile.shape
    some, every = allowed(mask, i, m, j, n)
    if some:
        np.dot(keys[j : j + n], queries, tile)
        if bias.size > 0:
            add_bias(tile, i, j, bias)
        if radial.size > 0:
            add_radial(tile, i - j + len(keys) - 1, radial)
        if not every:
            forbid(tile, i, j, mask)
        forbid_far(tile, i, j, band)
    return some


@jit
def raise_top(tile, top):
    """top = max(top, each row)."""
    for c in range(tile.shape[0]):
        for r in range(tile.shape[1]):
            top[r] = tile[c, r] if tile[c, r] > top[r] else top[r]


@jit
def exp_and_add(tile, shift, total):
    """tile = exp(tile - shift); total += each row."""
    for c in range(tile.shape[0]):
        for r in range(tile.shape[1]):
            tile[c, r] = exp(tile[c, r] - shift[r])
            total[r] += tile[c, r]


@jit
def weigh(tile, top, total, shift, shrink):
    """Scores become exponentials.

    top, total   (queries,) the largest score and the sum so far; they go on
    shrink       becomes what earlier sums must be multiplied by; shift is room to work
    """
    none = tile.dtype.type(-np.inf)
    for r in range(top.size):
        shift[r] = top[r]
    raise_top(tile, shift)
    for r in range(top.size):
        before, top[r] = top[r], shift[r]
        shift[r] = 0 if top[r] == none else top[r]  # no key yet: any number will do
        shrink[r] = exp(before - shift[r])
        total[r] *= shrink[r]
    exp_and_add(tile, shift, total)


@jit
def score_gradient(tile, away, along, logs):
    """Scores become weights, dL/d(weights) in `away` becomes dL/d(scores)."""
    for c in range(tile.shape[0]):
        for r in range(tile.shape[1]):
            tile[c, r] = exp(tile[c, r] - logs[r])
            away[c, r] = tile[c, r] * (away[c, r] - along[r])
