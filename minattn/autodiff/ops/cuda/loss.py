"""Softmax cross-entropy, one warp a row; the probabilities are never stored.

With smoothing s the target is q = (1 - s) [j = target] + s / V, and
loss = -sum q log p = lse - (1 - s) x[target] - s mean(x), lse = log sum exp(x). Forward keeps lse alone;
backward makes p = exp(x - lse) again: dL/dx = (p - q) g / count in a row that counts, else 0.
"""

import numpy as np

from ....backends import Declined, xp
from ....backends.cuda import raw_kernel
from ..loss import _cross_entropy
from .common import HELPERS, a_warp_a_row, covered, dense

SOURCE = (
    HELPERS
    + r"""
// losses and lse (rows,) of logits (rows, n); a row that does not count loses nothing.
extern "C" __global__ void cross_entropy_forward(const float* x, const long long* targets,
                                                 const bool* counted, float smoothing, int rows, int n,
                                                 float* losses, float* lse)
{
    int row = my_row();
    if (row >= rows) return;
    x += row * n;
    float top = -INFINITE, total = 0, away = 0;
    for (int j = threadIdx.x; j < n; j += 32) top = fmaxf(top, x[j]);
    top = warp_max(top);
    for (int j = threadIdx.x; j < n; j += 32) {
        total += expf(x[j] - top);
        away += x[j] - top;
    }
    total = warp_sum(total);
    away = warp_sum(away) / n;
    if (threadIdx.x > 0) return;
    float hit = x[targets[row]] - top;
    losses[row] = counted[row] ? logf(total) - (1 - smoothing) * hit - smoothing * away : 0.0f;
    lse[row] = top + logf(total);
}

// share is dL/d(loss) / count, one number.
extern "C" __global__ void cross_entropy_backward(const float* x, const long long* targets,
                                                  const bool* counted, const float* lse, const float* share,
                                                  float smoothing, int rows, int n, float* grad)
{
    int row = my_row();
    if (row >= rows) return;
    x += row * n, grad += row * n;
    float by = counted[row] ? share[0] : 0.0f;
    for (int j = threadIdx.x; j < n; j += 32) {
        float wanted = smoothing / n + (j == targets[row] ? 1 - smoothing : 0.0f);
        grad[j] = (expf(x[j] - lse[row]) - wanted) * by;
    }
}
"""
)
forward = raw_kernel(SOURCE, "cross_entropy_forward")
backward = raw_kernel(SOURCE, "cross_entropy_backward")


@_cross_entropy.kernel("cupy")
def _(logits, targets, counted, smoothing=0.0):
    if not covered(logits):
        return Declined("an array is empty or not float32")
    rows, n = logits.shape
    losses, lse = xp.empty(rows, dtype=logits.dtype), xp.empty(rows, dtype=logits.dtype)
    count = xp.maximum(xp.sum(counted), 1).astype(logits.dtype)
    given = dense(logits), dense(targets.astype(np.int64, copy=False)), dense(counted), float(smoothing)
    forward(*a_warp_a_row(rows), *given, rows, n, losses, lse)
    return xp.sum(losses) / count, (lse, count)


@_cross_entropy.vjp_kernel("cupy")
def _(g, out, saved, logits, targets, counted, smoothing=0.0):
    (lse, count), (rows, n) = saved, logits.shape
    grad = xp.empty(logits.shape, dtype=logits.dtype)
    given = dense(logits), dense(targets.astype(np.int64, copy=False)), dense(counted), lse, dense(g / count)
    backward(*a_warp_a_row(rows), *given, float(smoothing), rows, n, grad)
    return grad, None, None
