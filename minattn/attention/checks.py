"""What the slots of an attention ask of each other and of the input, checked before anything is computed."""

from ..autodiff import Tensor
from ..backends import xp
from ..errors import ArgumentError, DTypeError, ShapeError


def _slots(attention):
    return [
        s
        for s in (
            attention.projection,
            attention.score,
            *attention.positions,
            *attention.masks,
            attention.weights,
            attention.memory,
        )
        if s is not None
    ]


def check_slots(attention):
    """Let every slot that has `fits(attention)` refuse the combination."""
    for slot in _slots(attention):
        if hasattr(slot, "fits"):
            slot.fits(attention)


def _check_needs(attention, t):
    """Every slot's `needs` must be among the keyword arguments of the call."""
    for slot in _slots(attention):
        for name in getattr(slot, "needs", ()):
            if name not in t.extra:
                raise ArgumentError(
                    f"Attention with {type(slot).__name__}",
                    expected=f"the argument {name}=...",
                    got=", ".join(t.extra) or "no extra arguments",
                    hint=f"attn(x, {name}=...)",
                )


def check_input(attention, t):
    """x and context (B, T|S, d) of floats with one batch size; valid (B, S) boolean."""
    where = f"Attention({type(attention.projection).__name__})"
    _check_needs(attention, t)
    for name, value in (("x", t.x), ("context", t.context)):
        if value.ndim != 3:
            raise ShapeError(
                where, expected=f"{name} (B, T, d_model)", got=value.shape, hint="x[None] adds a batch of one"
            )
        if value.dtype.kind != "f":
            raise DTypeError(
                where, expected=f"{name} of floats", got=f"dtype {value.dtype}", hint="embed the token ids first"
            )
    if t.x.shape[0] != t.context.shape[0]:
        raise ShapeError(
            where,
            expected=f"context with the batch size of x, {t.x.shape[0]}",
            got=t.context.shape,
            hint="repeat the context for every row of x",
        )
    if t.valid is not None:
        t.valid = t.valid.data if isinstance(t.valid, Tensor) else xp.asarray(t.valid)
        if t.valid.shape != t.context.shape[:2]:
            raise ShapeError(
                where, expected=f"valid {t.context.shape[:2]}", got=t.valid.shape, hint="one flag for each key: (B, S)"
            )
        if t.valid.dtype != bool:
            raise DTypeError(
                where, expected="valid boolean, True = real", got=f"dtype {t.valid.dtype}", hint="valid = ids != PAD"
            )
