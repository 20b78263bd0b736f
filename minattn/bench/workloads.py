"""What is timed: each builder gets a size and a seed and returns {contender: step() -> list of arrays}."""

import importlib.util
import math

import numpy as np

from ..autodiff import Tensor, ops
from ..backends import asnumpy, available, using, xp

SIZES = {  # (B, H, T, d)
    "small": (12, 4, 64, 32),
    "middle": (8, 8, 256, 32),
    "long": (4, 8, 1024, 64),
    "longest": (1, 8, 4096, 64),
}


def attention(size, seed=0):
    """Causal attention, forward and backward: out, dq, dk, dv in float32, from one set of random arrays.

    With cupy, bringing the results to the host is part of the step.
    """
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(size, dtype=np.float32) for _ in range(4)]
    steps = {name: _ours(name, arrays) for name, error in available().items() if error is None}
    if importlib.util.find_spec("torch"):
        steps["torch"] = _torch(arrays)
    return steps


def _ours(backend, arrays):
    with using(backend):
        q, k, v, g = (xp.asarray(a) for a in arrays)
        t = q.shape[2]
        mask = xp.arange(t) <= xp.arange(t)[:, None]

    def step():
        with using(backend):
            leaves = [Tensor(a, requires_grad=True) for a in (q, k, v)]
            out = ops.attention(*leaves, mask, scale=1 / math.sqrt(q.shape[-1]))
            out.backward(g)
            return [asnumpy(out.data), *(asnumpy(leaf.grad) for leaf in leaves)]

    return step


def _torch(arrays):
    import torch

    q, k, v, g = (torch.from_numpy(a) for a in arrays)

    def step():
        leaves = [a.detach().requires_grad_() for a in (q, k, v)]
        out = torch.nn.functional.scaled_dot_product_attention(*leaves, is_causal=True)
        out.backward(g)
        return [out.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]

    return step
