"""Recurrent layers: each layer and direction is one scan over the whole sequence."""

import math

import numpy as np

from ..autodiff import Tensor, as_tensor, ops
from ..backends import xp
from ..errors import ArgumentError, ShapeError
from . import init
from .checks import check_sizes, features
from .module import Module, Parameter


class _Scan(Module):
    """The parameters of one layer in one direction, their gates stacked along the first axis."""

    def __init__(self, n_in, n_hidden, gates, rng):
        bound, rows = 1 / math.sqrt(n_hidden), gates * n_hidden
        self.w_x = Parameter(init.uniform(rng, (rows, n_in), bound))
        self.w_h = Parameter(init.uniform(rng, (rows, n_hidden), bound))
        self.b_x, self.b_h = Parameter(np.zeros(rows)), Parameter(np.zeros(rows))


class _Recurrent(Module):
    """What RNN, GRU and LSTM share: layers stacked, both directions, padding, states in and out."""

    scan, gates, n_states = None, 1, 1

    def __init__(self, n_in, n_hidden, *, rng, n_layers=1, bidirectional=False):
        check_sizes(type(self).__name__, n_in=n_in, n_hidden=n_hidden, n_layers=n_layers)
        self.n_in, self.n_hidden, self.n_layers = n_in, n_hidden, n_layers
        self.directions = 2 if bidirectional else 1
        self.scans = [
            _Scan(n_in if layer == 0 else self.directions * n_hidden, n_hidden, self.gates, rng)
            for layer in range(n_layers)
            for _ in range(self.directions)
        ]

    def forward(self, x, valid=None, state=None, *, truncate=None):
        """x (B,T,n_in) -> out (B,T,directions * n_hidden), last; see the class."""
        x, valid, states = self._checked(x, valid, state)
        ends = []
        for layer in range(self.n_layers):
            outs = []
            for direction in range(self.directions):
                i, reverse = layer * self.directions + direction, direction == 1
                options = {"valid": valid, "reverse": reverse, "truncate": truncate}
                run = self._run(self.scans[i], x, [s[i] for s in states], **options)
                outs.append(run[0])
                ends.append([steps[:, 0 if reverse else -1] for steps in run])
            x = outs[0] if len(outs) == 1 else ops.concatenate(outs, axis=-1)
        last = tuple(ops.stack(part) for part in zip(*ends))
        return x, last if self.n_states > 1 else last[0]

    def _run(self, scan, x, states, **options):
        """All steps of each state, (B,T,n_hidden): a tuple of n_states tensors."""
        run = type(self).scan(x, scan.w_x, scan.w_h, scan.b_x, scan.b_h, *states, **options)
        return run if self.n_states > 1 else (run,)

    def _checked(self, x, valid, state):
        where = f"{type(self).__name__}({self.n_in}, {self.n_hidden})"
        x = features(where, x, self.n_in)
        if x.ndim != 3 or x.shape[1] == 0:
            raise ShapeError(
                where,
                expected=f"x (B, T, {self.n_in}) with T >= 1",
                got=x.shape,
                hint="batch first, then time, then features; x[None] adds a batch of one",
            )
        shape = (len(self.scans), x.shape[0], self.n_hidden)
        given = state if isinstance(state, (tuple, list)) else (state,)
        if state is None:
            given = [xp.zeros(shape, dtype=x.dtype)] * self.n_states
        given = [as_tensor(s) for s in given]
        if len(given) != self.n_states or any(s.shape != shape for s in given):
            raise ShapeError(
                where,
                expected=f"state {shape}" + (", a pair (h, c) of them" if self.n_states > 1 else ""),
                got=", ".join(str(s.shape) for s in given),
                hint="pass on the `last` of an earlier call, or None",
            )
        if valid is not None:
            valid = xp.asarray(valid.data if isinstance(valid, Tensor) else valid)
        return x, valid, given


class RNN(_Recurrent):
    """h_t = tanh(W_x x_t + b_x + W_h h_{t-1} + b_h), layer over layer.

    `out, last = rnn(x, valid=None, state=None, truncate=None)`

    n_in, n_hidden   lengths of x_t and of h_t
    n_layers         each layer reads the states of the one below
    bidirectional    a second scan from the end to the start; its states stand beside the first one's in `out`
    activation       "tanh" or "relu"
    x (B,T,n_in); valid (B,T) boolean, False = padding, which every scan skips: the backward one starts at the
    last real token; state, default zeros, has the form of `last`; truncate as in `ops.rnn`.
    Returns out (B,T,n_hidden * directions), the states of the top layer, and last (n_layers * directions, B,
    n_hidden), the state of each scan after its last real token. At padding, out repeats its neighbour.

    Scan i = layer * directions + direction holds scans.i.w_x (weight_ih in PyTorch), scans.i.w_h (weight_hh),
    scans.i.b_x (bias_ih), scans.i.b_h (bias_hh) in PyTorch's shapes and gate order, and ends in last[i].
    Raises ShapeError, DTypeError or ArgumentError for input that does not fit.
    Source: arXiv 1912.05911, equation 2. Ours: weights start in +-1/sqrt(n_hidden), biases at 0.

    >>> rnn = RNN(2, 3, rng=np.random.default_rng(0), n_layers=2, bidirectional=True)
    >>> out, last = rnn(np.zeros((5, 7, 2)))
    >>> out.shape, last.shape
    ((5, 7, 6), (4, 5, 3))
    """

    scan = staticmethod(ops.rnn)

    def __init__(self, n_in, n_hidden, *, rng, n_layers=1, bidirectional=False, activation="tanh"):
        super().__init__(n_in, n_hidden, rng=rng, n_layers=n_layers, bidirectional=bidirectional)
        if activation not in ("tanh", "relu"):
            raise ArgumentError(
                "RNN(activation)", expected='"tanh" or "relu"', got=repr(activation), hint='activation="tanh"'
            )
        self.activation = activation

    def _run(self, scan, x, states, **options):
        return super()._run(scan, x, states, activation=self.activation, **options)


class GRU(_Recurrent):
    """A gated recurrent unit: h_t = (1 - z) n + z h_{t-1}, with a new state n and an update gate z.

    Arguments, call and parameters as in RNN; gates in the order r, z, n, so w_x is (3 n_hidden, n_in).
    Equations in `ops.gru`. Source: arXiv 1406.1078. Ours: PyTorch's form, reset gate after the product.
    """

    scan, gates = staticmethod(ops.gru), 3


class LSTM(_Recurrent):
    """Long short-term memory: a second state c_t = f c_{t-1} + i g, which gates write, forget and read.

    Arguments, call and parameters as in RNN; gates in the order i, f, g, o, so w_x is (4 n_hidden, n_in).
    `state` and `last` are pairs (h, c), each (n_layers * directions, B, n_hidden).

    forget_bias   start of the forget gate's bias; the larger, the longer the memory. Source of the 1:
                  Jozefowicz, Zaremba and Sutskever (2015)
    Equations in `ops.lstm`. Source: Hochreiter and Schmidhuber (1997).
    """

    scan, gates, n_states = staticmethod(ops.lstm), 4, 2

    def __init__(self, n_in, n_hidden, *, rng, n_layers=1, bidirectional=False, forget_bias=1.0):
        super().__init__(n_in, n_hidden, rng=rng, n_layers=n_layers, bidirectional=bidirectional)
        for scan in self.scans:
            scan.b_x.data[n_hidden : 2 * n_hidden] = forget_bias
