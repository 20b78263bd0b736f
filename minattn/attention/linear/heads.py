"""What the linear mixers share: their heads, and the check of a step."""

from ...autodiff import as_tensor, ops
from ...errors import ShapeError
from ..checks import check_input


def project(where, projection, feature, x, valid=None):
    """feature(q), feature(k) (B,H,T,F) and v (B,H,T,d) of x (B,T,d_model), as many heads each.

    The keys of padding are 0: it stores nothing.
    """
    x = as_tensor(x)
    valid = check_input(where, x, x, valid)
    q, k, v = projection(x, x)
    k, v = (ops.repeat_heads(part, q.shape[1] // part.shape[1]) for part in (k, v))
    q, k = feature(q), feature(k)
    return q, k if valid is None else k * valid[:, None, :, None].astype(k.dtype), v


def one_token(where, x):
    """x as a tensor; ShapeError unless it is (B,1,d_model)."""
    x = as_tensor(x)
    if x.ndim == 3 and x.shape[1] != 1:
        raise ShapeError(f"{where}.step", expected="x (B, 1, d_model)", got=x.shape, hint="x[:, :1]")
    return x
