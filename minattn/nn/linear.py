"""The affine map, and the feed-forward blocks made of it."""

import numpy as np

from ..autodiff import as_tensor, ops
from ..errors import DTypeError, ShapeError
from . import init
from .module import Module, Parameter


class Linear(Module):
    """y = x W^T + b.

    n_in, n_out   lengths of the last axis before and after; weight is (n_out, n_in)
    rng           Generator for the start values
    bias          False leaves b out
    x (.., n_in) -> (.., n_out). Raises ShapeError where the last axis is not n_in.
    """

    def __init__(self, n_in, n_out, *, rng, bias=True):
        self.n_in, self.n_out = n_in, n_out
        self.weight = Parameter(init.fan_in(rng, (n_out, n_in)))
        self.bias = Parameter(np.zeros(n_out)) if bias else None

    def forward(self, x):
        x = as_tensor(x)
        if x.ndim == 0 or x.shape[-1] != self.n_in:
            raise ShapeError(
                f"Linear({self.n_in}, {self.n_out})",
                expected=f"(.., {self.n_in})",
                got=x.shape,
                hint="check d_model, or swap the axes so that features come last",
            )
        if x.dtype.kind != "f":
            raise DTypeError(
                f"Linear({self.n_in}, {self.n_out})",
                expected="floating-point features",
                got=f"dtype {x.dtype}",
                hint="token ids go through nn.Embedding first",
            )
        return ops.linear(x, self.weight, self.bias)


class FeedForward(Module):
    """W_2 gelu(W_1 x): the position-wise block of a transformer. Source: arXiv 1706.03762, equation 2.

    d_model   last axis in and out
    d_ff      width in between
    Ours: GELU in place of ReLU.
    """

    def __init__(self, d_model, d_ff, *, rng):
        self.w_1 = Linear(d_model, d_ff, rng=rng)
        self.w_2 = Linear(d_ff, d_model, rng=rng)

    def forward(self, x):
        return self.w_2(ops.gelu(self.w_1(x)))


class SwiGLU(Module):
    """W_2 (silu(W_1 x) * V x): a gated feed-forward block. Source: arXiv 2002.05202, equation 6.

    d_model   last axis in and out
    d_ff      width of the gate
    """

    def __init__(self, d_model, d_ff, *, rng):
        self.w_1 = Linear(d_model, d_ff, rng=rng, bias=False)
        self.v = Linear(d_model, d_ff, rng=rng, bias=False)
        self.w_2 = Linear(d_ff, d_model, rng=rng, bias=False)

    def forward(self, x):
        return self.w_2(ops.silu(self.w_1(x)) * self.v(x))
