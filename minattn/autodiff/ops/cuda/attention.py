"""Attention in tiles of 32 keys, one lane a key; the scores are never all in memory.

Forward. A warp owns ROWS queries. For a tile it takes s = scale q k + bias (-inf where forbidden), one key a
lane, and goes on with three sums a query: top = max s, total = sum exp(s - top), sums = sum exp(s - top) v.
When top grows by c, total and sums shrink by exp(-c). In the end out = sums / total; lse = top + log(total)
is kept. For the product with v a lane is a column, so the weights pass through shared memory.

Backward. w = exp(s - lse). With along = sum(g out): ds = w (g v - along), dq = scale sum ds k over the keys,
dk = scale sum ds q and dv = sum w g over the queries. The first kernel owns queries and walks over keys, the
second owns keys and walks over queries: no two blocks write to one place.

Which keys. A band (low, high) leaves query i the keys j with low <= j - i <= high: tiles outside are never
visited, so a window costs T x window. A tile in which the mask allows nothing is skipped. A bias by distance
is read at i - j; query heads that share a head of keys divide its index by their number. A query without any
key has lse = +inf, so that every weight is 0. Source: arXiv 2205.14135, algorithms 1 and 4.
"""

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..attention import _attention
from .attention_source import SOURCE
from .common import FEW, WARPS, covered, dense

WIDTHS = (32, 64, 128)  # a kernel is compiled for the smallest that holds d and dv


def _launch(name, owned, q, k, v, extras, rest):
    """Run kernel `name` with a block for every few rows of each head of `owned` (q or k)."""
    n_batch, n_heads, n_q, d = q.shape
    n_k, width = v.shape[2:]
    column = min(w for w in WIDTHS if w >= max(d, width))
    rows = WARPS * (2 if column > 64 else 4)
    grid = n_batch * owned.shape[1], -(-owned.shape[2] // rows)
    sizes = n_heads, n_heads // k.shape[1], n_q, n_k, d, width
    raw_kernel(SOURCE, name, WIDTH=column)(grid, (32, WARPS), q, k, v, *extras, *sizes, *rest)


def _extra(extra, otherwise):
    """(array, its four strides in elements, 0 along an axis of length 1) of a mask or bias."""
    extra = dense(xp.asarray(otherwise if extra is None else extra, dtype=otherwise.dtype))
    shape = (1,) * (4 - extra.ndim) + extra.shape
    sizes = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1]
    return extra, *(0 if n == 1 else size for n, size in zip(shape, sizes))


def _extras(q, k, mask, bias, radial, band, scale):
    """Mask, bias, radial, band and scale as the kernels take them; no number stands for no bias."""
    nothing = xp.zeros((1, 1), dtype=xp.float32)
    radial = nothing if radial is None else dense(radial.astype(nothing.dtype, copy=False))
    steps = radial.shape[1] if radial.shape[0] > 1 else 0, int(radial.shape[1] > 1)
    band = (-q.shape[2], k.shape[2]) if band is None else band
    mask, bias = _extra(mask, xp.ones(1, dtype=bool)), _extra(bias, nothing)
    return *mask, *bias, radial, *steps, *band, float(scale)


@_attention.kernel("cupy")
def _(q, k, v, mask=None, bias=None, radial=None, band=None, scale=1.0):
    if not covered(q, k, v):
        return Declined("an array is empty or not float32")
    if not q.shape[0] == k.shape[0] == v.shape[0] or k.shape[1] != v.shape[1]:
        return Declined("one batch for all queries")
    if max(q.shape[3], v.shape[3]) > WIDTHS[-1]:
        return Declined("a head is wider than 128")
    if any(getattr(extra, "size", 1) >= FEW for extra in (mask, bias)):
        return Declined("the mask or bias has too many elements")
    out, lse = xp.empty((*q.shape[:3], v.shape[3]), dtype=q.dtype), xp.empty(q.shape[:3], dtype=q.dtype)
    extras = _extras(q, k, mask, bias, radial, band, scale)
    _launch("attention_forward", q, dense(q), dense(k), dense(v), extras, (out, lse))
    return out, lse


@_attention.vjp_kernel("cupy")
def _(g, out, lse, q, k, v, mask=None, bias=None, radial=None, band=None, scale=1.0):
    g, q, k, v = dense(g), dense(q), dense(k), dense(v)
    along, extras = xp.sum(g * out, axis=-1), _extras(q, k, mask, bias, radial, band, scale)
    dq, dk, dv = (xp.empty(a.shape, dtype=a.dtype) for a in (q, k, v))
    _launch("attention_backward_q", q, q, k, v, extras, (g, along, lse, dq))
    _launch("attention_backward_kv", k, q, k, v, extras, (g, along, lse, dk, dv))
    return dq, dk, dv, None, None, None
