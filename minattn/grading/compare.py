"""Compare what came back with what is right, and say what is wrong in kind, without telling the numbers.

A message may speak of shapes, of sums of rows, of where the first difference is and how large the error is to
one digit. It never holds an expected number.
"""

import numpy as np


def close(got, right, rtol, atol, nan=False):
    """Whether two arrays of one shape agree; `nan` True lets nan equal nan."""
    if got.dtype.kind != "f" and right.dtype.kind != "f":
        return bool(np.array_equal(got, right))
    scale = np.abs(right[np.isfinite(right)]).max(initial=1.0)
    return bool(np.allclose(got, right, rtol=rtol, atol=atol * scale, equal_nan=nan))


def same(got, other, rtol, atol):
    """Whether two lists of arrays agree in number, shapes and values (nan equals nan)."""
    return len(got) == len(other) and all(
        a.shape == b.shape and (a.dtype.kind == b.dtype.kind) and close(a, b, rtol, atol, nan=True)
        for a, b in zip(got, other)
    )


def fault(exercise, got, right):
    """(cause, message) of the first output that is wrong, or None when all are right."""
    if len(got) != len(right):
        names = ", ".join(exercise.outputs)
        return "wrong-type", f"{_count(len(got))} came back, {_count(len(right))} needed: {names}"
    for name, a, b in zip(exercise.outputs, got, right):
        with np.errstate(all="ignore"):
            found = _kind_fault(a, b) or _shape_fault(a, b) or _value_fault(exercise, a, b)
        if found:
            cause, message = found
            return cause, message if len(right) == 1 else f"{name}: {message}"
    return None


def _count(n):
    return "one array" if n == 1 else f"{n} arrays"


def _kind_fault(got, right):
    kinds = {"f": "floating-point numbers", "i": "whole numbers", "b": "booleans"}
    integer_for_number = right.ndim == 0 and right.dtype.kind == "f" and got.dtype.kind == "i"
    if got.dtype.kind == right.dtype.kind or integer_for_number:
        return None
    return "wrong-type", f"{kinds[got.dtype.kind]} ({got.dtype}), {kinds[right.dtype.kind]} are needed"


def _shape_fault(got, right):
    if got.shape == right.shape:
        return None
    return "wrong-shape", f"shape {got.shape}, expected {right.shape}"


def _value_fault(exercise, got, right):
    if close(got, right, exercise.rtol, exercise.atol):
        return None
    if got.dtype.kind == "f" and not np.isfinite(got).all():
        bad = ~np.isfinite(got)
        return "wrong-value", f"{bad.sum()} of {got.size} numbers are nan or infinite, first at {_first(bad)}"
    parts = [_difference(exercise, got, right)]
    if exercise.row_sums and got.dtype.kind == "f" and got.ndim:
        sums = got.sum(-1)
        parts.append(f"your rows sum to {sums.min():.3g} up to {sums.max():.3g}")
    parts += [words for words, relation in RELATIONS if relation(exercise, got, right)]
    return "wrong-value", "; ".join(parts)


def _difference(exercise, got, right):
    if right.dtype.kind != "f":
        wrong = got != right
        return f"{wrong.sum()} of {wrong.size} entries are wrong{_first_at(wrong)}"
    error = np.abs(got - right)
    largest = np.abs(right).max(initial=0)
    wrong = error > exercise.rtol * np.abs(right) + exercise.atol * max(1.0, largest)
    size = f", largest error {error.max() / largest:.0e} of the largest right number" if largest > 0 else ""
    return f"{wrong.sum()} of {wrong.size} numbers are wrong{_first_at(wrong)}{size}"


def _first_at(wrong):
    return f", first at {_first(wrong)}" if wrong.ndim else ""


def _first(flags):
    return [int(i) for i in np.argwhere(flags)[0]] if flags.ndim else "the only one"


def _opposite(exercise, got, right):
    return right.dtype.kind == "f" and close(-got, right, exercise.rtol, exercise.atol)


def _transposed(exercise, got, right):
    return (
        right.ndim >= 2
        and right.shape[-1] == right.shape[-2]
        and close(got.swapaxes(-1, -2), right, exercise.rtol, exercise.atol)
    )


def _proportional(exercise, got, right):
    if right.dtype.kind != "f" or right.size < 2 or not np.any(got):
        return False
    factor = np.vdot(got, right) / np.vdot(got, got)
    return factor > 0 and close(factor * got, right, exercise.rtol, exercise.atol)


def _single(exercise, got, right):
    return got.dtype == np.float32 and close(got, right, 1e-4, 1e-5)


RELATIONS = (
    ("the sign is the wrong way round", _opposite),
    ("the last two axes are swapped", _transposed),
    ("all numbers are off by one common factor", _proportional),
    ("the result was rounded to float32: keep the dtype of the arguments", _single),
)
