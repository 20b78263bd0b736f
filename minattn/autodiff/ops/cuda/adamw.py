"""One step of Adam or AdamW, one thread an element: every array is read once, three are written once.

    m <- b1 m + (1 - b1) g        s <- b2 s + (1 - b2) g^2
    w <- keep w - rate m / (sqrt(s) / root + eps)

rate = lr / (1 - b1^t), root = sqrt(1 - b2^t), keep = 1 - lr decay (Adam: 1). 1 - b1 and 1 - b2 are handed
over: in float32, 1 - 0.999 would be wrong by one part in 100,000. Source: arXiv 1412.6980 and 1711.05101.
"""

from ....backends import Declined, kernel
from ....backends.cuda import raw_kernel
from .common import HELPERS, a_thread_an_element, covered

SOURCE = (
    HELPERS
    + r"""
extern "C" __global__ void adamw_step(float* value, const float* g, float* mean, float* square,
                                      const float* numbers, int n)
{
    int i = my_element();
    if (i >= n) return;
    float b1 = numbers[0], rest1 = numbers[1], b2 = numbers[2], rest2 = numbers[3];
    float rate = numbers[4], unroot = numbers[5], keep = numbers[6], eps = numbers[7];
    float m = b1 * mean[i] + rest1 * g[i], s = b2 * square[i] + rest2 * g[i] * g[i];
    mean[i] = m, square[i] = s;
    value[i] = keep * value[i] - rate * m / (sqrtf(s) * unroot + eps);
}
"""
)
step = raw_kernel(SOURCE, "adamw_step")


@kernel("adam", "cupy")
def _(value, grad, mean, square, numbers):
    """Change value, mean and square (n,) in place.

    numbers   (b1, 1 - b1, b2, 1 - b2, rate, 1 / root, keep, eps) on the device: a captured step gets new ones
    """
    if not covered(value, grad, mean, square):
        return Declined("an array is empty or not float32")
    step(*a_thread_an_element(value.size), value, grad, mean, square, numbers, value.size)
