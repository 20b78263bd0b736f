"""tinygrad: kernels compiled by clang, kept by TinyJit. It takes part where one function says all."""

from tinygrad import Tensor, TinyJit

from .. import workloads
from ..job import Job


def prepare():
    """Find out whether it can compile here at all."""
    (Tensor([1.0]) + 1).realize()


def attention(workload):
    """Its attention, causal."""
    q, k, v, g = (Tensor(a).realize() for a in workloads.arrays(workload).values())

    @TinyJit
    def forward(q, k, v):
        return (q.scaled_dot_product_attention(k, v, is_causal=True).realize(),)

    @TinyJit
    def both(q, k, v, g):
        out = q.scaled_dot_product_attention(k, v, is_causal=True)
        return tuple(a.realize() for a in (out, *out.gradient(q, k, v, gradient=g)))

    def step():
        return [a.numpy() for a in (both(q, k, v, g) if workload.backward else forward(q, k, v))]

    return Job(step, step)
