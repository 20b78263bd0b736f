"""The one shape that every error in minattn has: where, expected, got, try.

    >>> raise ShapeError("Linear(8, 3)", expected="(..., 8)", got="(2, 5, 7)", hint="project 7 -> 8 first")
    Traceback (most recent call last):
    ...
    minattn.errors.ShapeError: Linear(8, 3)
      expected: (..., 8)
      got:      (2, 5, 7)
      try:      project 7 -> 8 first

This module imports nothing, so every other module may import it.
"""


class MinattnError(Exception):
    """Base of all errors raised on purpose by minattn.

    where     the public name that was called, with the settings that matter
    expected  what the callee needs
    got       what it received
    hint      what to write instead
    """

    def __init__(self, where, *, expected, got, hint):
        self.where, self.expected, self.got, self.hint = where, str(expected), str(got), hint
        super().__init__(f"{where}\n  expected: {self.expected}\n  got:      {self.got}\n  try:      {hint}")

    def __reduce__(self):
        return _rebuild, (type(self), self.where, self.expected, self.got, self.hint)


def _rebuild(kind, where, expected, got, hint):
    return kind(where, expected=expected, got=got, hint=hint)


class ShapeError(MinattnError, ValueError):
    """Shapes that do not fit."""


class DTypeError(MinattnError, TypeError):
    """An array or argument of the wrong type."""


class ArgumentError(MinattnError, ValueError):
    """A value outside what is allowed."""


class GraphError(MinattnError, RuntimeError):
    """The tape was used in a way that it cannot follow."""


class BackendMissing(MinattnError, ImportError):
    """A backend was asked for whose package or device is not there."""


class CheckpointError(MinattnError, RuntimeError):
    """A checkpoint that cannot be read or does not belong to this model."""


class OutputError(MinattnError, OSError):
    """A folder or file that cannot be written."""
