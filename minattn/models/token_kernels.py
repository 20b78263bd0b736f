"""One new token of each row through the layers of a decoder, without an array for every step between.

    norm  ->  q, k, v  ->  turn q and k by their place  ->  k, v into the caches  ->  attend  ->  w_o  ->  + x
    norm  ->  w_1  ->  gelu, or silu and gate  ->  w_2  ->  + x

One token multiplies each weight once, so the time of a step is the time to read all weights from memory, in
the order in which they lie there. Norm and gelu are the bodies of the primitives' own kernels.
Rows x (N, d_model) change in place; a map is a pair: W (n_out, n_in) and its bias (n_out,), or (0,) where
there is none. Compiled code does not look at sizes, so each layer does it first.
"""

import numpy as np

from ..autodiff.ops.gelu_kernels import gelu_piece, silu_piece
from ..autodiff.ops.kernel_math import exp_sum, largest
from ..autodiff.ops.norm import rms_norm_rows
from ..backends import jit


@jit(fastmath=True)
def product(x, linear, out):
    """out = x W^T + b for rows x (N, n_in)."""
    w, b = linear
    for n in range(x.shape[0]):
        for i in range(w.shape[0]):
            total = x.dtype.type(0)
            for j in range(w.shape[1]):
                total += w[i, j] * x[n, j]
            out[n, i] = total
        for i in range(b.size):
            out[n, i] += b[i]


@jit(fastmath=True)
def add_product(x, linear, out):
    """out += x W^T + b."""
    w, b = linear
    for n in range(x.shape[0]):
        for i in range(w.shape[0]):
            total = x.dtype.type(0)
            for j in range(w.shape[1]):
                total += w[i, j] * x[n, j]
            out[n, i] += total
        for i in range(b.size):
            out[n, i] += b[i]


@jit
def normed(x, norm):
    """rms_norm of the rows of x; norm (gain, eps)."""
    out = np.empty_like(x)
    rms_norm_rows(x, norm[0], x.dtype.type(norm[1]), out, np.empty(x.shape[0], x.dtype))
    return out


@jit(fastmath=True)
def turn(x, cos, sin):
    """Rotary positions: turn the pairs of x (N, heads, d) in place by angles with cos, sin (1, d/2 or 0)."""
    for n in range(x.shape[0]):
        for h in range(x.shape[1]):
            row = x[n, h]
            for i in range(cos.shape[1]):
                even, odd = row[2 * i], row[2 * i + 1]
                row[2 * i] = even * cos[0, i] - odd * sin[0, i]
                row[2 * i + 1] = even * sin[0, i] + odd * cos[0, i]


@jit(fastmath=True)
def attend(q, keys, values, count, out):
    """out = softmax(q k^T / sqrt(d)) v over the first `count` keys.

    q, out (N, H, d); keys, values (N, G, room, d): H / G heads side by side share their keys.
    """
    real = q.dtype.type
    d, group = q.shape[2], q.shape[1] // keys.shape[1]
    scores, scale = np.empty(count, q.dtype), real(1 / np.sqrt(d))
    for n in range(q.shape[0]):
        for h in range(q.shape[1]):
            row, k, v, gathered = q[n, h], keys[n, h // group], values[n, h // group], out[n, h]
            for s in range(count):
                total = real(0)
                for i in range(d):
                    total += row[i] * k[s, i]
                scores[s] = total * scale
            share = real(1) / exp_sum(scores, largest(scores))
            gathered[:] = real(0)
            for s in range(count):
                weight = scores[s] * share
                for i in range(d):
                    gathered[i] += weight * v[s, i]


@jit
def add_attention(x, norm, maps, cache, place, angles):
    """x += attention(norm(x)) for tokens that stand at `place`.

    norm  (gain, eps)                        maps    (w_q, w_k, w_v, w_o)
    cache (keys, values) (N, G, room, d)     angles  (cos, sin) (1, d / 2) of the place; (1, 0): nothing turns
    """
    (w_q, w_k, w_v, w_o), (keys, values), (cos, sin) = maps, cache, angles
    n, groups, _, d = keys.shape
    h = normed(x, norm)
    q, k, v = np.empty_like(x), np.empty((n, groups * d), x.dtype), np.empty((n, groups * d), x.dtype)
    product(h, w_q, q)
    product(h, w_k, k)
    product(h, w_v, v)
    turn(q.reshape(n, -1, d), cos, sin)
    turn(k.reshape(n, -1, d), cos, sin)
    keys[:, :, place], values[:, :, place] = k.reshape(n, groups, d), v.reshape(n, groups, d)
    attend(q.reshape(n, -1, d), keys, values, place + 1, h.reshape(n, -1, d))
    add_product(h, w_o, x)


@jit
def fits(linear, n_in, n_out):
    """Whether a map takes n_in numbers to n_out."""
    w, b = linear
    return w.shape[0] == n_out and w.shape[1] == n_in and (b.size == 0 or b.size == n_out)


@jit
def attention_fits(x, norm, maps, cache, place, angles):
    """Whether the sizes of add_attention's arrays fit together."""
    (keys, values), (cos, sin), width = cache, angles, x.shape[1]
    n, groups, room, d = keys.shape
    narrow = groups * d
    heads = n == x.shape[0] and place < room and keys.shape == values.shape and width % narrow == 0
    pairs = cos.shape == sin.shape and (cos.size == 0 or 2 * cos.size == d)
    into = fits(maps[0], width, width) and fits(maps[1], width, narrow) and fits(maps[2], width, narrow)
    return heads and pairs and into and fits(maps[3], width, width) and norm[0].size == width


@jit
def gelu_layer(
    x, place, cos, sin, keys, values,
    gain_1, eps_1, gain_2, eps_2, w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o, w_1, b_1, w_2, b_2,
):  # fmt: skip
    """x += attention(norm(x)), x += W_2 gelu(W_1 norm(x)); False, and x as it was, where sizes do not fit."""
    maps, norm, n_wide = ((w_q, b_q), (w_k, b_k), (w_v, b_v), (w_o, b_o)), (gain_1, eps_1), w_1.shape[0]
    given = maps, (keys, values), place, (cos, sin)
    if not attention_fits(x, norm, *given) or gain_2.size != x.shape[1]:
        return False
    if not (fits((w_1, b_1), x.shape[1], n_wide) and fits((w_2, b_2), n_wide, x.shape[1])):
        return False
    add_attention(x, norm, *given)
    wide = np.empty((x.shape[0], n_wide), x.dtype)
    out, slope = np.empty_like(wide), np.empty_like(wide)
    product(normed(x, (gain_2, eps_2)), (w_1, b_1), wide)
    gelu_piece(wide.reshape(-1), out.reshape(-1), slope.reshape(-1))
    add_product(out, (w_2, b_2), x)
    return True


@jit
def swiglu_layer(
    x, place, cos, sin, keys, values,
    gain_1, eps_1, gain_2, eps_2, w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o, w_1, b_1, v, b, w_2, b_2,
):  # fmt: skip
    """x += attention(norm(x)), then x += W_2 (silu(W_1 norm(x)) * V norm(x)); else as gelu_layer."""
    maps, norm, n_wide = ((w_q, b_q), (w_k, b_k), (w_v, b_v), (w_o, b_o)), (gain_1, eps_1), w_1.shape[0]
    given = maps, (keys, values), place, (cos, sin)
    if not attention_fits(x, norm, *given) or gain_2.size != x.shape[1]:
        return False
    into = fits((w_1, b_1), x.shape[1], n_wide) and fits((v, b), x.shape[1], n_wide)
    if not (into and fits((w_2, b_2), n_wide, x.shape[1])):
        return False
    add_attention(x, norm, *given)
    h, wide = normed(x, (gain_2, eps_2)), np.empty((x.shape[0], n_wide), x.dtype)
    gate, out, slope = np.empty_like(wide), np.empty_like(wide), np.empty_like(wide)
    product(h, (w_1, b_1), wide)
    product(h, (v, b), gate)
    silu_piece(wide.reshape(-1), out.reshape(-1), slope.reshape(-1))
    out *= gate
    add_product(out, (w_2, b_2), x)
    return True


@jit
def embedded(ids, table, scale):
    """Rows ids (N,) of the table, times scale; nothing, (0, 0), where an id is not in the table."""
    for i in ids:
        if not 0 <= i < table.shape[0]:
            return np.empty((0, 0), table.dtype)
    x, by = np.empty((ids.size, table.shape[1]), table.dtype), table.dtype.type(scale)
    for n in range(ids.size):
        for j in range(table.shape[1]):
            x[n, j] = table[ids[n], j] * by
    return x


@jit
def log_probabilities(x, gain, eps, table):
    """log_softmax(norm(x) E^T): (N, V)."""
    out = np.empty((x.shape[0], table.shape[0]), x.dtype)
    product(normed(x, (gain, eps)), (table, table[0, :0]), out)
    for n in range(x.shape[0]):
        row = out[n]
        top = largest(row)
        row -= top + np.log(exp_sum(row.copy(), top))
    return out
