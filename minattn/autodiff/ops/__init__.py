"""Every differentiable function, one group a file.

Each file holds primitives (forward, derivative, kernels, samples) and, below them, functions composed
of primitives. A function is a primitive for stability, memory or speed; otherwise it is composed.
"""

from ...backends.select import when_loaded
from .attention import attention, attention_and_lse
from .convolution import conv1d, conv2d
from .delta_rule import delta_rule
from .dropout import dropout
from .elementwise import (
    absolute,
    add,
    clip,
    cos,
    divide,
    exp,
    gelu,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    relu,
    sigmoid,
    silu,
    sin,
    softplus,
    sqrt,
    subtract,
    tanh,
    where,
)
from .gated import swiglu
from .index import embedding, getitem, scatter_add, take_along_axis, top_k
from .linalg import linear, matmul
from .linear_attention import linear_attention
from .loss import binary_cross_entropy, cross_entropy, mse
from .norm import layer_norm, rms_norm
from .recurrent import gru, lstm, rnn
from .reduce import cumprod, cumsum, max, mean, min, sum, var
from .rotary import rotary
from .shape import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    pad,
    repeat_heads,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    transpose,
)
from .softmax import log_softmax, logsumexp, softmax, sparsemax
from .surprise_rule import surprise_rule

__all__ = [
    "absolute", "add", "attention", "attention_and_lse", "binary_cross_entropy", "broadcast_to", "clip",
    "concatenate", "conv1d", "conv2d", "cos", "cross_entropy", "cumprod", "cumsum", "delta_rule",
    "divide", "dropout", "embedding", "exp", "expand_dims", "flip", "gelu", "getitem", "gru", "layer_norm",
    "linear", "linear_attention", "log", "log_softmax", "logsumexp", "lstm", "matmul", "max", "maximum",
    "mean", "min", "minimum", "mse", "multiply", "negative", "pad", "power", "relu", "repeat_heads",
    "reshape", "rms_norm", "rnn", "rotary", "scatter_add", "sigmoid", "silu", "sin", "softmax", "softplus",
    "sparsemax", "split", "sqrt", "squeeze", "stack", "subtract", "sum",
    "surprise_rule", "swapaxes", "swiglu",
    "take_along_axis", "tanh", "top_k", "transpose", "var", "where",
]  # fmt: skip


@when_loaded("cupy")
def _():
    from . import cuda  # noqa: F401  its kernels register themselves; NumPy's users pay nothing
