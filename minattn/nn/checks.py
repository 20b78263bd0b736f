"""What layers ask of their sizes and of their input, checked before anything is computed."""

import numbers

from ..autodiff import as_tensor
from ..errors import ArgumentError, DTypeError, ShapeError


def check_sizes(where, **sizes):
    """Raise ArgumentError unless every size is an integer >= 1."""
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or isinstance(size, bool) or size < 1:
            raise ArgumentError(
                f"{where}({name}={size!r})", expected="an integer >= 1", got=repr(size), hint=f"{name}=8"
            )


def features(where, x, n):
    """x as a tensor (.., n) of floats; ShapeError or DTypeError where it is something else."""
    x = as_tensor(x)
    if x.ndim == 0 or x.shape[-1] != n:
        raise ShapeError(
            where,
            expected=f"(.., {n})",
            got=x.shape,
            hint="check d_model, or swap the axes so that features come last",
        )
    return floats(where, x)


def floats(where, x):
    """x as a tensor of floats; DTypeError where it holds something else."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        raise DTypeError(
            where,
            expected="floating-point features",
            got=f"dtype {x.dtype}",
            hint="token ids go through nn.Embedding first; pixels through x / 255",
        )
    return x
