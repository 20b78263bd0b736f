"""Switches in front of a linear layer: what does a model say without this head, these neurons, this block?

The n groups of inputs of an attention's w_o are its heads, those of a feed-forward block's w_2 its neurons.
So one object in the place of that layer switches heads or neurons, and attention itself does not change.
"""

import numpy as np

from ..attention import Attention
from ..autodiff import Tensor, as_tensor, ops
from ..backends import asnumpy, xp
from ..errors import ArgumentError, ShapeError
from ..nn import FeedForward, Linear, Module, SwiGLU


class Gated(Module):
    """A linear layer whose inputs, in n equal groups, are multiplied by a switch each.

        y = [xi_1 x_1; ..; xi_n x_n] W^T + b

    linear     the nn.Linear behind the switches
    n_groups   n, must divide the number of inputs
    xi, the switches, are ones at first: a Tensor (n,), or (B, n) for switches of each row of a batch. Where
    every switch is 0 the bias goes too: a block without parts adds nothing to the residual stream.
    Raises ArgumentError where n does not divide the inputs. Source: arXiv 1905.10650, section 2.3.

    >>> layer = Gated(Linear(4, 1, rng=np.random.default_rng(0)), 2)
    >>> layer.linear.weight.data[:], layer.xi.data[1] = 1.0, 0.0
    >>> layer([[1.0, 2.0, 4.0, 8.0]]).numpy().tolist()
    [[3.0]]
    """

    def __init__(self, linear, n_groups):
        if not isinstance(linear, Linear) or n_groups < 1 or linear.n_in % n_groups:
            raise ArgumentError(
                "Gated(linear, n_groups)",
                expected="an nn.Linear, and a number of groups that divides its inputs",
                got=f"{linear!r}, {n_groups} groups",
                hint="n_groups=n_heads in front of w_o",
            )
        self.linear, self.n_groups = linear, n_groups
        self.xi = Tensor(np.ones(n_groups))

    @property
    def active(self):
        """(n,) boolean: which groups are on."""
        return asnumpy(self.xi.data) != 0

    def forward(self, x):
        x = as_tensor(x)
        rows, size = self.xi.shape[:-1], x.shape[-1] // self.n_groups
        if self.xi.shape[-1] != self.n_groups or rows not in ((), x.shape[:1]):
            raise ShapeError(
                f"Gated({self.n_groups} groups)",
                expected=f"xi ({self.n_groups},) or {(*x.shape[:1], self.n_groups)}",
                got=self.xi.shape,
                hint="gate.xi = Tensor(np.ones(n_groups))",
            )
        beside = rows + (1,) * (x.ndim - 1 - len(rows))
        groups = x.reshape((*x.shape[:-1], self.n_groups, size))
        kept = groups * ops.reshape(self.xi, (*beside, self.n_groups, 1))
        y = self.linear(kept.reshape(x.shape))
        some = xp.any(self.xi.data != 0, axis=-1)
        return y if bool(some.all()) else y * some.reshape((*beside, 1)).astype(y.dtype)


def gate_heads(model):
    """Put a `Gated` in front of the w_o of every multi-head attention; returns {path of the attention: it}.

    Those that are there already stay as they are. Raises ArgumentError for a model without heads.
    """
    found = {
        path: (module.projection, "w_o", module.projection.n_heads)
        for path, module in model.named_modules()
        if isinstance(module, Attention) and hasattr(module.projection, "w_o")
    }
    return _gates("gate_heads", found, "a model with multi-head attention")


def gate_neurons(model, group=1):
    """The same in front of the second layer of every feed-forward block, `group` neurons a switch."""
    found = {
        path: (module, "w_2", module.w_1.n_out // group)
        for path, module in model.named_modules()
        if isinstance(module, FeedForward | SwiGLU)
    }
    return _gates("gate_neurons", found, "a model with feed-forward blocks")


def ungate(model):
    """Take every `Gated` out again, whatever its switches say."""
    for module in model.modules():
        for name, child in list(vars(module).items()):
            if isinstance(child, Gated):
                setattr(module, name, child.linear)


def _gates(where, found, expected):
    if not found:
        raise ArgumentError(where, expected=expected, got="none", hint="the model, not its output")
    gates = {}
    for path, (owner, name, n) in found.items():
        layer = getattr(owner, name)
        gates[path] = layer if isinstance(layer, Gated) else Gated(layer, n)
        setattr(owner, name, gates[path])
    return gates
