"""3. Layers with parameters.

Module, Parameter   what holds what training changes
Linear, Embedding, LayerNorm, RMSNorm, SRMSNorm, Dropout, Conv1d, Conv2d
FeedForward, SwiGLU, SGLU, RNN, GRU, LSTM
gumbel_softmax      a choice that a gradient passes through
init                where parameters start
optim               SGD, Adam, AdamW, clip_grad_norm
"""

from . import init, optim
from .convolution import Conv1d, Conv2d
from .dropout import Dropout
from .embedding import Embedding
from .gumbel import gumbel_softmax
from .linear import SGLU, FeedForward, Linear, SwiGLU
from .module import Module, Parameter
from .norm import LayerNorm, RMSNorm, SRMSNorm
from .recurrent import GRU, LSTM, RNN

__all__ = [
    "Conv1d", "Conv2d", "Dropout", "Embedding", "FeedForward", "GRU", "LSTM", "LayerNorm", "Linear",
    "Module", "Parameter", "RMSNorm", "RNN", "SGLU", "SRMSNorm", "SwiGLU", "gumbel_softmax", "init",
    "optim",
]  # fmt: skip
