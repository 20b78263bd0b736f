"""Argument checks that every world shares."""

import operator

import numpy as np

from minattn.errors import ArgumentError, DTypeError


def generator(where, rng):
    """`rng` itself, if it is a numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise DTypeError(
            where,
            expected="rng: a numpy.random.Generator",
            got=f"{type(rng).__name__}",
            hint="rng=np.random.default_rng(0)",
        )
    return rng


def count(where, name, value, least=1, most=None):
    """`value` as an int with least <= value <= most."""
    try:
        number = operator.index(value)
    except TypeError:
        raise DTypeError(
            where, expected=f"{name}: an integer", got=repr(value), hint=f"{name}={least}"
        ) from None
    if number < least or (most is not None and number > most):
        above = "" if most is None else f" and <= {most}"
        raise ArgumentError(
            where, expected=f"{name} >= {least}{above}", got=number, hint=f"{name}={max(least, 1)}"
        )
    return number


def probability(where, name, value):
    """`value` as a float in [0, 1]."""
    if not isinstance(value, (int, float, np.number)):
        raise DTypeError(where, expected=f"{name}: a number", got=repr(value), hint=f"{name}=0.5")
    if not 0 <= value <= 1:
        raise ArgumentError(where, expected=f"0 <= {name} <= 1", got=value, hint=f"{name}=0.5")
    return float(value)
