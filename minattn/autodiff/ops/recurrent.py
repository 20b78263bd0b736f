"""Recurrent networks over a sequence, each one node with its derivative by hand.

Weights and gate order are PyTorch's: w_x (G H, n_in), w_h (G H, H), two biases (G H,) for G gates.
"""

from ...backends import xp
from ...errors import ArgumentError, DTypeError, ShapeError
from ..tensor import Tensor, as_tensor
from .scan_gru import _gru
from .scan_lstm import _lstm
from .scan_rnn import _rnn


def rnn(x, w_x, w_h, b_x=None, b_h=None, h0=None, valid=None, **options):
    """h_t = tanh(W_x x_t + b_x + W_h h_{t-1} + b_h), for all t.

    x         (B, T, n_in)
    w_x, w_h  (H, n_in) and (H, H); biases (H,) or None
    h0        (B, H), default zeros
    valid     (B, T) boolean; where False (padding) the state is carried on unchanged
    options   activation="tanh" or "relu"; reverse=True scans from the last step to the first (padding at
              the end is passed unchanged, so the scan starts at the last valid step);
              truncate=tau: a loss at step t sends gradients through tau steps, t - tau + 1 .. t, only (h0
              is a leaf that the first of them may reach). tau = 1 takes every h_{t-1} as given
    Returns (B, T, H). Raises ShapeError, DTypeError or ArgumentError where an argument does not fit.
    Source: arXiv 1912.05911, equations 2 and 12.

        >>> rnn([[[1.0], [1.0]]], [[1.0]], [[1.0]], activation="relu").numpy().tolist()  # a running sum
        [[[1.0], [2.0]]]
    """
    x, weights, (h0,), valid = _checked("rnn", 1, x, (w_x, w_h, b_x, b_h), (h0,), valid, options)
    return _rnn(x, *weights, h0, valid, **options)


def gru(x, w_x, w_h, b_x=None, b_h=None, h0=None, valid=None, **options):
    """A gated recurrent unit over a sequence; arguments as in `rnn`, gates stacked in the order r, z, n.

        r, z = sigmoid(W x_t + b_x + W h_{t-1} + b_h)    reset and update gate
        n    = tanh(W x_t + b_x + r * (W h_{t-1} + b_h))
        h_t  = (1 - z) * n + z * h_{t-1}

    w_x (3 H, n_in), w_h (3 H, H), biases (3 H,). Returns (B, T, H). Source: arXiv 1406.1078.
    Ours: PyTorch's form, with the reset gate after the product.
    """
    x, weights, (h0,), valid = _checked("gru", 3, x, (w_x, w_h, b_x, b_h), (h0,), valid, options)
    return _gru(x, *weights, h0, valid, **options)


def lstm(x, w_x, w_h, b_x=None, b_h=None, h0=None, c0=None, valid=None, **options):
    """Long short-term memory over a sequence; arguments as in `rnn`, gates in the order i, f, g, o.

        i, f, o = sigmoid(W x_t + b_x + W h_{t-1} + b_h)    input, forget, output gate; g with tanh
        c_t = f * c_{t-1} + i * g        h_t = o * tanh(c_t)

    w_x (4 H, n_in), w_h (4 H, H), biases (4 H,); c0 (B, H), default zeros.
    Returns the pair h, c, each (B, T, H), two slices of one node. Source: Hochreiter and Schmidhuber (1997).
    """
    x, weights, (h0, c0), valid = _checked("lstm", 4, x, (w_x, w_h, b_x, b_h), (h0, c0), valid, options)
    both = _lstm(x, *weights, h0, c0, valid, **options)
    return both[0], both[1]


def _zeros(shape, dtype):
    return Tensor.made_by(xp.zeros(shape, dtype=dtype), None)


def _checked(name, gates, x, weights, start, valid, options):
    """x, weights, start as tensors (None stays), valid as an array; an error where something does not fit."""
    x, weights = as_tensor(x), [w if w is None else as_tensor(w) for w in weights]
    w_x, w_h, *biases = weights
    n = w_h.shape[-1] if w_h.ndim else 0
    batch = x.shape[:1]
    start = [_zeros((*batch, n), x.dtype) if s is None else as_tensor(s) for s in start]
    if valid is not None:
        valid = valid.data if isinstance(valid, Tensor) else xp.asarray(valid)
    wanted = [(w_x, (gates * n, x.shape[-1] if x.ndim else 0)), (w_h, (gates * n, n))]
    wanted += [(b, (gates * n,)) for b in biases] + [(s, (*batch, n)) for s in start] + [(valid, x.shape[:2])]
    if x.ndim != 3 or any(a is not None and a.shape != shape for a, shape in wanted):
        g = "" if gates == 1 else f"{gates} "
        given = ", ".join("None" if a is None else str(a.shape) for a, _ in wanted)
        raise ShapeError(
            name,
            expected=f"x (B, T, n_in), w_x ({g}H, n_in), w_h ({g}H, H), biases ({g}H,), states (B, H), valid",
            got=f"x {x.shape}; {given}",
            hint="batch first, then time: x.swapaxes(0, 1)",
        )
    if valid is not None and valid.dtype != bool:
        raise DTypeError(name, expected="valid: booleans, True = a token", got=valid.dtype, hint="valid > 0")
    tau, activation = options.get("truncate"), options.get("activation", "tanh")
    if tau is not None and (not isinstance(tau, int) or tau < 1):
        raise ArgumentError(
            name, expected="truncate: an integer >= 1, or None", got=tau, hint="truncate=None"
        )
    if activation not in ("tanh", "relu"):
        raise ArgumentError(
            name, expected='activation: "tanh" or "relu"', got=repr(activation), hint='activation="tanh"'
        )
    return x, weights, start, valid
