"""One step of Adam or AdamW, one thread an element: five arrays are read or written once.

    m <- b1 m + (1 - b1) g        s <- b2 s + (1 - b2) g^2
    w <- keep w - rate m / (sqrt(s) / root + eps)

rate = lr / (1 - b1^t), root = sqrt(1 - b2^t), keep = 1 - lr decay (Adam: 1). 1 - b1 and 1 - b2 are handed
over: in float32, 1 - 0.999 would be wrong by one part in 100,000. Source: arXiv 1412.6980 and 1711.05101.
"""

from ....backends import xp
from ....backends.cuda import raw_kernel
from .common import HELPERS, a_thread_an_element, covered, dense

SOURCE = (
    HELPERS
    + r"""
extern "C" __global__ void adamw_step(const float* value, const float* g, float* mean, float* square,
                                      float b1, float rest1, float b2, float rest2,
                                      float rate, float root, float keep, float eps, int n, float* out)
{
    int i = my_element();
    if (i >= n) return;
    mean[i] = b1 * mean[i] + rest1 * g[i];
    square[i] = b2 * square[i] + rest2 * g[i] * g[i];
    out[i] = keep * value[i] - rate * mean[i] / (sqrtf(square[i]) / root + eps);
}
"""
)
step = raw_kernel(SOURCE, "adamw_step")


def adamw(value, grad, state, settings):
    """The new value of a parameter; changes `state` ("mean" and "square").

    settings   (b1, b2, rate, root, keep, eps), numbers as above
    Answers NotImplemented for what is not float32.
    """
    if not covered(value, grad, *state.values()) or grad.shape != value.shape:
        return NotImplemented
    b1, b2, *rest = map(float, settings)
    for name in ("mean", "square"):
        state[name] = dense(state[name])
    out = xp.empty(value.shape, dtype=value.dtype)
    given = dense(value), dense(grad), state["mean"], state["square"], b1, 1 - b1, b2, 1 - b2, *rest
    step(*a_thread_an_element(value.size), *given, value.size, out)
    return out
