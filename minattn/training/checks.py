"""What `fit` asks of its arguments and of every batch."""

import numbers

from ..errors import ArgumentError, DTypeError
from ..nn import Module
from ..nn.optim import Optimiser


def check_number(name, value, least, kind=numbers.Integral):
    """Raise DTypeError unless `value` is of `kind`, ArgumentError unless it is >= least."""
    hint = f"{name}={least + 1}"
    if not isinstance(value, kind):
        what = "a whole number" if kind is numbers.Integral else "a number"
        raise DTypeError(f"fit({name})", expected=what, got=repr(value), hint=hint)
    if not value >= least:
        raise ArgumentError(f"fit({name})", expected=f">= {least}", got=value, hint=hint)


def check_parts(model, batch, loss, optimiser):
    """Raise unless batch and loss are functions and the optimiser moves parameters of the model."""
    for name, part in (("batch", batch), ("loss", loss)):
        if not callable(part):
            raise DTypeError(f"fit({name})", expected="a function", got=type(part).__name__, hint="help(fit)")
    where, hint = "fit(model, batch, loss, optimiser)", "Adam(model.parameters(), lr=1e-3)"
    if not isinstance(model, Module) or not isinstance(optimiser, Optimiser):
        got = f"{type(model).__name__} and {type(optimiser).__name__}"
        raise DTypeError(where, expected="a Module and an Optimiser", got=got, hint=hint)
    if not {id(p) for p in model.parameters()} & {id(p) for p in optimiser.parameters}:
        raise ArgumentError(
            where, expected="an optimiser of this model's parameters", got="none of them", hint=hint
        )


def check_batch(where, batch):
    """Raise unless `batch` is a dict whose arrays have elements."""
    if not isinstance(batch, dict):
        got = type(batch).__name__
        raise DTypeError(where, expected="batch(rng) -> dict of arrays", got=got, hint="dict(inputs=...)")
    for name, value in batch.items():
        if 0 in getattr(value, "shape", ()):
            raise ArgumentError(
                where, expected=f"a batch with rows in {name!r}", got=value.shape, hint="batch size >= 1"
            )
