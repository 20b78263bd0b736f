"""The one table of kernels: what can run in place of array code, what did run, and why something did not.

    @kernel("adamw", "numba")
    def _(values, grads, state, numbers):
        if values.dtype.kind != "f":
            return Declined("the values are not floating-point numbers")
        ...

A kernel stands under an operation, a part of it (most have "forward" and "vjp") and a backend. Whoever
calls it has array code for the case that there is none, or that it answers Declined.
"""

from collections import Counter

from . import select

_table = {}  # (operation, part) -> {backend: kernel}
kernel_log = Counter()  # (operation, backend, part) -> calls
declined_log = Counter()  # (operation, backend, part, reason) -> calls


class Declined:
    """A kernel's answer for arguments that it does not cover; `reason` says why, without numbers."""

    __slots__ = ("reason",)

    def __init__(self, reason):
        self.reason = reason

    def __repr__(self):
        return f"Declined({self.reason!r})"


def kernels_of(operation, part="forward"):
    """{backend: kernel} of one part of an operation: the piece of the table itself."""
    return _table.setdefault((operation, part), {})


def kernel(operation, backend, part="forward"):
    """Register a function as the kernel of an operation for a backend."""
    return lambda function: kernels_of(operation, part).setdefault(backend, function)


def run(operation, *args, part="forward", backend=None, **static):
    """What the kernel for `backend` (default: the one in use) gives, or Declined."""
    backend = backend or select.current()
    found = kernels_of(operation, part).get(backend)
    if found is None:
        return Declined("no kernel for this backend")
    out = found(*args, **static)
    note(operation, backend, part, out)
    return out


def note(operation, backend, part, out):
    """Count a call of a kernel, or the reason that it gave."""
    if out.__class__ is Declined:
        declined_log[operation, backend, part, out.reason] += 1
    else:
        kernel_log[operation, backend, part] += 1


def table():
    """A dict for each kernel: operation, part, backend, calls so far, declined {reason: calls}."""
    return [
        {
            "operation": operation,
            "part": part,
            "backend": backend,
            "calls": kernel_log[operation, backend, part],
            "declined": {
                reason: count
                for (*which, reason), count in sorted(declined_log.items())
                if which == [operation, backend, part]
            },
        }
        for (operation, part), kernels in sorted(_table.items())
        for backend in sorted(kernels)
    ]
