"""The affine map, and the feed-forward blocks made of it."""

import numpy as np

from ..autodiff import ops
from . import init
from .checks import check_sizes, features
from .module import Module, Parameter


class Linear(Module):
    """y = x W^T + b.

    n_in, n_out   lengths of the last axis before and after; weight is (n_out, n_in), bias (n_out,) or None
    rng           Generator for the start values
    bias          False leaves b out
    x (.., n_in) -> (.., n_out). Raises ShapeError where the last axis is not n_in, DTypeError for integers.
    Ours: W starts in +-1/sqrt(n_in), b at 0.

    >>> layer = Linear(2, 1, rng=np.random.default_rng(0))
    >>> layer.weight.data[:] = [[2.0, 3.0]]
    >>> layer([[1.0, 10.0]]).numpy().tolist()
    [[32.0]]
    """

    def __init__(self, n_in, n_out, *, rng, bias=True):
        check_sizes("Linear", n_in=n_in, n_out=n_out)
        self.n_in, self.n_out = n_in, n_out
        self.weight = Parameter(init.fan_in(rng, (n_out, n_in)))
        self.bias = Parameter(np.zeros(n_out)) if bias else None

    def forward(self, x):
        x = features(f"Linear({self.n_in}, {self.n_out})", x, self.n_in)
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
    """W_2 (silu(W_1 x) * V x): a gated feed-forward block, no biases. Source: arXiv 2002.05202, equation 6.

    d_model   last axis in and out
    d_ff      width of the gate
    """

    def __init__(self, d_model, d_ff, *, rng):
        self.w_1 = Linear(d_model, d_ff, rng=rng, bias=False)
        self.v = Linear(d_model, d_ff, rng=rng, bias=False)
        self.w_2 = Linear(d_ff, d_model, rng=rng, bias=False)

    def forward(self, x):
        return self.w_2(ops.swiglu(self.w_1(x), self.v(x)))


class SGLU(Module):
    """W_3 ((W_1 x) * (W_2 x)): a gated feed-forward block without any activation, no biases.

    d_model   last axis in and out
    d_ff      width of the gate
    Source: arXiv 2307.14995, section 3.1.
    """

    def __init__(self, d_model, d_ff, *, rng):
        self.w_1 = Linear(d_model, d_ff, rng=rng, bias=False)
        self.w_2 = Linear(d_model, d_ff, rng=rng, bias=False)
        self.w_3 = Linear(d_ff, d_model, rng=rng, bias=False)

    def forward(self, x):
        return self.w_3(self.w_1(x) * self.w_2(x))
