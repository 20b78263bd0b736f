"""The derivative of an embedding, one thread an element: every row of g is added to its token's row.

out[i] = table[ids[i]], so dL/dtable[t] = sum over all i with ids[i] = t of g[i]. Two places may hold the same
token, so threads add with atomicAdd; the order of a sum, and its last bit, can change from run to run.
"""

import numpy as np

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..index import _embedding
from .common import HELPERS, a_thread_an_element, covered, dense

SOURCE = (
    HELPERS
    + r"""
// full (V, width) += g (n / width, width) at ids.
extern "C" __global__ void embedding_backward(const float* g, const long long* ids, int n, int width,
                                              float* full)
{
    int i = my_element();
    if (i < n) atomicAdd(&full[ids[i / width] * width + i % width], g[i]);
}
"""
)
backward = raw_kernel(SOURCE, "embedding_backward")


@_embedding.vjp_kernel("cupy")
def _(g, out, table, ids):
    if not covered(g, table):
        return Declined("an array is empty or not float32")
    full, ids = xp.zeros(table.shape, dtype=table.dtype), dense(ids.astype(np.int64, copy=False))
    backward(*a_thread_an_element(g.size), dense(g), ids, g.size, table.shape[1], full)
    return full, None
