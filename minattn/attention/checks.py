"""What the slots of an attention ask of each other and of the input, checked before anything is computed."""

from ..autodiff import Tensor
from ..backends import xp
from ..errors import ArgumentError, DTypeError, ShapeError
from ..nn import Dropout, Module
from .positions import Position
from .scores import Score
from .weights import Weights

# A size of a slot, and the size of the projection that it must equal where both are known.
_SAME = {name: name for name in ("n_heads", "d_head", "d_model")} | {"d_query": "d_head", "d_key": "d_head"}


def _slots(attention):
    parts = (attention.score, *attention.positions, *attention.masks, attention.weights, attention.memory)
    return [part for part in parts if part is not None]


def check_slots(attention):
    """Raise ArgumentError unless every slot holds its kind and sizes of one name agree.

    A slot may refuse more by its own method `fits(attention)`.
    """
    _check_kinds(attention)
    for slot in _slots(attention):
        for name, theirs in _SAME.items():
            mine, needed = getattr(slot, name, None), getattr(attention.projection, theirs, None)
            if None not in (mine, needed) and mine != needed:
                raise ArgumentError(
                    f"Attention with {type(slot).__name__}({name}={mine})",
                    expected=f"{theirs} {needed} of the {type(attention.projection).__name__} projection",
                    got=f"{name}={mine}",
                    hint=f"{type(slot).__name__}({name}={needed})",
                )
        if hasattr(slot, "fits"):
            slot.fits(attention)


def _check_kinds(attention):
    kinds = [
        ("projection", hasattr(attention.projection, "merge") and isinstance(attention.projection, Module)),
        ("score", isinstance(attention.score, Score)),
        ("positions", _all(attention.positions, lambda p: isinstance(p, Position))),
        ("masks", _all(attention.masks, lambda m: callable(m) and not isinstance(m, type))),
        ("weights", isinstance(attention.weights, Weights)),
        ("memory", attention.memory is None or hasattr(attention.memory, "remember")),
        ("dropout", attention.dropout is None or isinstance(attention.dropout, Dropout)),
    ]
    for name, good in kinds:
        if not good:
            raise ArgumentError(
                f"Attention({name}=...)",
                expected=f"what minattn.attention.{name} offers" if name != "dropout" else "an nn.Dropout",
                got=repr(getattr(attention, name)),
                hint="an object, not its class; lists for positions and masks: masks=[Causal()]",
            )


def _all(value, good):
    return isinstance(value, (list, tuple)) and all(map(good, value))


def check_call(attention, t):
    """Raise ArgumentError, ShapeError or DTypeError unless the record's input can be worked with."""
    slots = _slots(attention)
    needs = {name: slot for slot in slots for name in getattr(slot, "needs", ())}
    takes = {name for slot in slots for name in getattr(slot, "takes", ())}
    missing, unknown = sorted(needs.keys() - t.extra.keys()), sorted(t.extra.keys() - needs.keys() - takes)
    if missing or unknown:
        raise ArgumentError(
            "Attention(x, context, **given)",
            expected=", ".join(["valid", "cache", "start", *sorted({*needs, *takes})]),
            got=f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}",
            hint=f"attn(x, {missing[0]}=...)" if missing else "check the spelling",
        )
    t.valid = check_input(type(attention.projection).__name__, t.x, t.context, t.valid)
    if t.cache is not None:
        t.cache.claim(attention)


def check_input(where, x, context, valid):
    """x (B,T,..) and context (B,S,..) of floats; valid (B,S) boolean or None, returned as an array.

    Empty axes are allowed: B = 0 or T = 0 give an empty answer, with S = 0 every query gathers zeros.
    """
    for name, value, length in (("x", x, "T"), ("context", context, "S")):
        if value.ndim != 3:
            raise ShapeError(
                where, expected=f"{name} (B, {length}, d)", got=value.shape, hint="x[None] is a batch of one"
            )
        if value.dtype.kind != "f":
            raise DTypeError(
                where, expected=f"{name} of floats", got=f"dtype {value.dtype}", hint="embed token ids first"
            )
    if x.shape[0] != context.shape[0]:
        raise ShapeError(
            where,
            expected=f"context with the batch size of x, {x.shape[0]}",
            got=context.shape,
            hint="repeat the context for every row of x",
        )
    if valid is None:
        return None
    valid = xp.asarray(valid.data if isinstance(valid, Tensor) else valid)
    if valid.shape != context.shape[:2]:
        raise ShapeError(
            where, expected=f"valid {context.shape[:2]}", got=valid.shape, hint="one flag a key: (B, S)"
        )
    if valid.dtype != bool:
        raise DTypeError(
            where, expected="valid: True = real", got=f"dtype {valid.dtype}", hint="valid = ids != PAD"
        )
    return valid
