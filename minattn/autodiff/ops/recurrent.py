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
              truncate=tau lets a gradient at step t reach steps t - tau + 1 .. t only
    Returns (B, T, H). Source: arXiv 1912.05911, equations 2 and 12.
    """
    x, (h0,), valid = _checked("rnn", 1, x, w_x, w_h, (h0,), valid, options)
    return _rnn(x, w_x, w_h, b_x, b_h, h0, valid, **options)


def gru(x, w_x, w_h, b_x=None, b_h=None, h0=None, valid=None, **options):
    """A gated recurrent unit over a sequence; arguments as in `rnn`, gates stacked in the order r, z, n.

        r, z = sigmoid(W x_t + b_x + W h_{t-1} + b_h)    reset and update gate
        n    = tanh(W x_t + b_x + r * (W h_{t-1} + b_h))
        h_t  = (1 - z) * n + z * h_{t-1}

    w_x (3 H, n_in), w_h (3 H, H), biases (3 H,). Returns (B, T, H). Source: arXiv 1406.1078.
    Ours: PyTorch's form, with the reset gate after the product.
    """
    x, (h0,), valid = _checked("gru", 3, x, w_x, w_h, (h0,), valid, options)
    return _gru(x, w_x, w_h, b_x, b_h, h0, valid, **options)


def lstm(x, w_x, w_h, b_x=None, b_h=None, h0=None, c0=None, valid=None, **options):
    """Long short-term memory over a sequence; arguments as in `rnn`, gates in the order i, f, g, o.

        i, f, o = sigmoid(W x_t + b_x + W h_{t-1} + b_h)    input, forget, output gate; g with tanh
        c_t = f * c_{t-1} + i * g        h_t = o * tanh(c_t)

    w_x (4 H, n_in), w_h (4 H, H), biases (4 H,); c0 (B, H), default zeros.
    Returns the pair h, c, each (B, T, H), two slices of one node. Source: Hochreiter and Schmidhuber (1997).
    """
    x, (h0, c0), valid = _checked("lstm", 4, x, w_x, w_h, (h0, c0), valid, options)
    both = _lstm(x, w_x, w_h, b_x, b_h, h0, c0, valid, **options)
    return both[0], both[1]


def _checked(name, gates, x, w_x, w_h, start, valid, options):
    x, n = as_tensor(x), w_h.shape[-1]
    start = [xp.zeros((x.shape[0], n), dtype=x.dtype) if s is None else s for s in start]
    valid = valid.data if isinstance(valid, Tensor) else valid
    fits = x.ndim == 3 and w_x.shape == (gates * n, x.shape[-1]) and w_h.shape == (gates * n, n)
    fits = fits and all(s.shape == (x.shape[0], n) for s in start)
    if not fits or (valid is not None and valid.shape != x.shape[:2]):
        raise ShapeError(
            name,
            expected=f"x (B, T, n_in), w_x ({gates} H, n_in), w_h ({gates} H, H), states (B, H), valid (B, T)",
            got=f"x {x.shape}, w_x {w_x.shape}, w_h {w_h.shape}, states {[s.shape for s in start]}"
            + ("" if valid is None else f", valid {valid.shape}"),
            hint="batch first, then time: x.swapaxes(0, 1)",
        )
    if valid is not None and valid.dtype != bool:
        raise DTypeError(name, expected="valid: booleans, True = a token", got=valid.dtype, hint="valid > 0")
    if (tau := options.get("truncate")) is not None and tau < 1:
        raise ArgumentError(name, expected="truncate >= 1, or None", got=tau, hint="truncate=None")
    if options.get("activation", "tanh") not in ("tanh", "relu"):
        raise ArgumentError(name, expected='"tanh" or "relu"', got=options["activation"], hint='activation="tanh"')
    return x, start, None if valid is None else xp.asarray(valid)
