"""Dropout, one thread a counter of Philox4x32-10, which gives the words of four elements. Nothing is stored.

An element is kept where its word reaches the limit. The rounds are those of `philox` in ops/dropout.py.
"""

import numpy as np

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..dropout import _dropout, limit_of
from .common import HELPERS, a_thread_an_element, covered, dense

SOURCE = (
    HELPERS
    + r"""
extern "C" __global__ void dropout(const float* x, const long long* key, int limit, float scale, int n,
                                   float* out)
{
    unsigned count = my_element(), k = key[0], m = key[1], words[4] = {count, 0, 0, 0};
    if (count >= (n + 3u) / 4) return;
    for (int round = 0; round < 10; round++) {
        unsigned long long left = 0xD2511F53ull * words[0], right = 0xCD9E8D57ull * words[2];
        words[0] = (unsigned)(right >> 32) ^ words[1] ^ k;
        words[2] = (unsigned)(left >> 32) ^ words[3] ^ m;
        words[1] = right, words[3] = left;
        k += 0x9E3779B9u, m += 0xBB67AE85u;
    }
    for (int i = 0; i < 4 && 4 * count + i < n; i++)
        out[4 * count + i] = words[i] >= (unsigned)limit ? x[4 * count + i] * scale : 0.0f;
}
"""
)
run = raw_kernel(SOURCE, "dropout")


@_dropout.kernel("cupy")
def _(x, key, rate):
    if not covered(x):
        return Declined("an array is empty or not float32")
    out, limit = xp.empty(x.shape, dtype=x.dtype), int(np.uint32(limit_of(rate)).view(np.int32))
    key = dense(key.astype(np.int64, copy=False))
    run(*a_thread_an_element(-(-x.size // 4)), dense(x), key, limit, 1 / (1 - rate), x.size, out)
    return out


@_dropout.vjp_kernel("cupy")
def _(g, out, x, key, rate):
    return _dropout.kernels["cupy"](g, key, rate), None
