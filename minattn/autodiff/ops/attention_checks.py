"""What `attention` asks of its arguments."""

from ...errors import ArgumentError, DTypeError, ShapeError
from ..tensor import Tensor

_WHERE = "attention(q, k, v)"


def check(q, k, v, mask, bias, radial):
    """Raise ShapeError, DTypeError or ArgumentError where the arguments do not fit together."""
    _check_heads(q, k, v)
    if mask is not None and mask.dtype != bool:
        raise DTypeError(
            _WHERE, expected="a boolean mask, True = may attend", got=f"dtype {mask.dtype}", hint="mask > 0"
        )
    scores = (*q.shape[:3], k.shape[2])
    for name, extra in (("mask", mask), ("bias", bias)):
        shape = getattr(extra, "shape", ())
        if len(shape) > 4 or any(n not in (1, m) for n, m in zip(shape[::-1], scores[::-1])):
            raise ShapeError(
                _WHERE,
                expected=f"a {name} that broadcasts against (B, H, T, S) = {scores}",
                got=f"{name} {shape}",
                hint="a mask (B, S) of valid keys becomes mask[:, None, None, :]",
            )
    distances = max(q.shape[2] + k.shape[2] - 1, 0)
    if radial is not None and radial.shape not in ((1, distances), (q.shape[1], distances)):
        raise ShapeError(
            _WHERE,
            expected=f"radial (H or 1, T + S - 1) = ({q.shape[1]}, {distances})",
            got=f"radial {radial.shape}",
            hint="one number for each distance from query 0 - key S-1 to query T-1 - key 0",
        )
    if any(isinstance(extra, Tensor) and extra.requires_grad for extra in (bias, radial)):
        raise ArgumentError(
            _WHERE,
            expected="bias and radial without gradient",
            got="a tensor with requires_grad",
            hint="softmax(q @ k.swapaxes(-1, -2) * scale + bias, mask) @ v, or bias.detach()",
        )


def check_window(window):
    """`window`, two numbers or None. Raises ArgumentError."""
    if not isinstance(window, (tuple, list)) or len(window) != 2:
        raise ArgumentError(
            _WHERE, expected="window (left, right)", got=window, hint="(None, 0) is causal, (4, 4) local"
        )
    return window


def _check_heads(q, k, v):
    fits = q.ndim == k.ndim == v.ndim == 4 and q.shape[-1] == k.shape[-1] and k.shape[:-1] == v.shape[:-1]
    fits = fits and q.shape[0] == k.shape[0]
    if not fits or (q.shape[1] % k.shape[1] if k.shape[1] else q.shape[1]):
        raise ShapeError(
            _WHERE,
            expected="q (B, H, T, d), k (B, Hk, S, d), v (B, Hk, S, dv), Hk divides H",
            got=f"q {q.shape}, k {k.shape}, v {v.shape}",
            hint="split heads first: x.reshape(B, T, H, d).swapaxes(1, 2)",
        )
