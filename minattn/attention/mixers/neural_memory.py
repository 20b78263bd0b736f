"""The long-term memory module as a mixer: a small network that is trained while it reads."""

import numpy as np

from ...autodiff import as_tensor, no_grad, ops
from ...errors import ArgumentError
from ...nn import Linear
from ...nn.checks import check_sizes
from ..checks import check_input
from ..linear.feature_map import unit_silu
from ..memory.neural import DeepMemory, MatrixMemory, learn
from ..projections import MultiHead
from .base import Mixer


class NeuralMemory(Mixer):
    """Each head has a network M whose weights are its state; each token writes its value under its key.

        q, k = unit_silu of x's own        theta, eta, alpha = sigmoid of linear maps of x
        S_t = eta_t S_{t-1} - theta_t grad |M_{t-1}(k_t) - v_t|^2      surprise, past and present
        M_t = (1 - alpha_t) M_{t-1} + S_t                              forgetting
        out_t = M_t(q_t)

    projection   as in Attention
    n_layers     1: M is a matrix, 0 at the start of a text; 2: an MLP with `hidden` columns
    chunk        tokens whose gradients are taken at the same weights; 1 is exact
    starts       biases of theta, eta and alpha
    With eta = alpha = 0 it is the delta rule. Padding writes nothing and ends the momentum.
    Source: arXiv 2501.00663, section 3.1. Ours: no convolutions; theta lies in (0, 1).
    """

    taxonomy = ("linear", "fast-weight")

    def __init__(self, projection, *, rng, n_layers=1, hidden=16, chunk=1, starts=(0.0, -2.0, -4.0)):
        check_sizes("NeuralMemory", chunk=chunk, hidden=hidden)
        if n_layers not in (1, 2):
            raise ArgumentError(
                "NeuralMemory(n_layers)", expected="1 (a matrix) or 2", got=n_layers, hint="n_layers=1"
            )
        self.projection, self.chunk, d = projection, chunk, projection.d_head
        self.memory = MatrixMemory(d, d) if n_layers == 1 else DeepMemory(d, hidden, d, rng=rng)
        self.rates = Linear(projection.d_model, 3 * projection.n_heads, rng=rng)
        self.rates.bias.data[:] = np.repeat(starts, projection.n_heads)

    def gates(self, x):
        """theta, eta, alpha of x (B,T,d_model), each (B,H,T)."""
        rates = ops.swapaxes(ops.sigmoid(self.rates(x)), 1, 2)
        return ops.split(rates, 3, axis=1)

    def forward(self, x, valid=None):
        return self.learn(x, valid=valid)[0]

    def learn(self, x, state=None, valid=None):
        """Write x (B,T,d_model) into the memory, token by token: what each reads, and the state after all."""
        x = as_tensor(x)
        valid = check_input("NeuralMemory", x, x, valid)
        q, k, v = self.projection(x, x)
        gates, q, k = self.gates(x), unit_silu(q), unit_silu(k)
        if valid is not None:
            gates = [gate * valid[:, None].astype(gate.dtype) for gate in gates]
        if self.chunk > 1 or isinstance(self.memory, DeepMemory):
            heads, state = learn(self.memory, state, q, k, v, gates, self.chunk)
        else:  # the same in one primitive
            both = None if state is None else ops.concatenate([state[0][0], state[1][0]], axis=2)
            heads, both = ops.surprise_rule(q, k, v, *gates, both)
            state = [both[:, :, : q.shape[-1]]], [both[:, :, q.shape[-1] :]]
        return self.projection.merge(heads), state

    def read(self, x, state=None):
        """M(q) of x (B,T,d_model) without writing: (B,T,d_model)."""
        x = as_tensor(x)
        q = unit_silu(self.projection(x, x)[0])
        weights = self.memory.start(*q.shape[:2], q.dtype) if state is None else state[0]
        return self.projection.merge(self.memory.read(weights, q))

    def step(self, x, state=None):
        if self.chunk > 1:
            raise ArgumentError("NeuralMemory.step", expected="chunk=1", got=self.chunk, hint="chunk=1")
        with no_grad():
            return self.learn(x, state)

    def state_floats(self, length):
        return 2 * self.projection.n_heads * self._weights()

    def flops(self, length):
        """The error, the gradient, both updates of every weight, and reading."""
        return 5 * self.projection.n_heads * self._weights() * length

    def _weights(self):
        return sum(rows * columns for rows, columns in self.memory.shapes)


def make(d_model, n_heads, *, rng):
    return NeuralMemory(MultiHead(d_model, n_heads, rng=rng), rng=rng)
