"""What the recurrent scans share on a GPU: one product by cuBLAS and one kernel of gates a step.

A step needs the whole state before it, so steps cannot run side by side; inside one, all rows and units do:
the product h W_h^T is cuBLAS's, the rest is one kernel, one thread for each of the B x H units. The products
with the inputs are one product before the loop, the weights' gradients one product each after it.

Backward carries two parts of dL/dh to the step before: what the kernel leaves, and what came through W_h.
The next kernel adds them up, which saves a launch a step.
"""

from ....backends import xp
from ..scan import scan_order
from .common import dense

SCAN = r"""
__device__ inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// This thread's unit and its row; n = rows x size.
#define ENTER_UNIT \
    int i = my_element(), row = i / size; \
    if (i >= n) return;
"""


def live_rows(valid, x, reverse):
    """valid (B, T) as (T, B) in scan order; all True for None."""
    if valid is None:
        return xp.ones((x.shape[1], x.shape[0]), dtype=bool)
    return dense(scan_order(valid, reverse))


def steps_from(start, n):
    """Room for n + 1 states (n + 1, B, H); the first is `start`."""
    states = xp.empty((n + 1, *start.shape), dtype=start.dtype)
    states[0] = start
    return states


def bias_or_zeros(b, w_h):
    return xp.zeros(len(w_h), dtype=w_h.dtype) if b is None else dense(b)
