"""Where the time of a step goes: primitives, kernels and optimisers are watched while a profile is taken."""

import time
from contextlib import contextmanager

from ..autodiff.primitive import Primitive
from ..backends import dispatch
from ..nn import optim


class Watch:
    """Seconds and calls by (operation, part), each without those of the watched calls inside it."""

    def __init__(self):
        self.seconds, self.calls, self._inside = {}, {}, [0.0]

    def wrapped(self, function, name, part):
        """`function`, its calls counted under name(its first argument)."""

        def watched(*args, **options):
            self._inside.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                whole = time.perf_counter() - start
                key = (name(args[0]), part)
                self.seconds[key] = self.seconds.get(key, 0.0) + whole - self._inside.pop()
                self.calls[key] = self.calls.get(key, 0) + 1
                self._inside[-1] += whole

        return watched


@contextmanager
def watching():
    """A Watch over all primitives, their derivatives, other kernels, and optimisers inside a `with` block."""
    watch, former = Watch(), []

    def replace(owner, attribute, name, part):
        former.append((owner, attribute, vars(owner)[attribute]))
        setattr(owner, attribute, watch.wrapped(vars(owner)[attribute], name, part))

    replace(Primitive, "__call__", lambda primitive: primitive.name, "forward")
    replace(Primitive, "gradients", lambda primitive: primitive.name, "backward")
    replace(dispatch, "run", str, "forward")
    for cls in (optim.Optimiser, *_below(optim.Optimiser)):
        if "step" in vars(cls):
            replace(cls, "step", lambda optimiser: type(optimiser).__name__, "forward")
    try:
        yield watch
    finally:
        for owner, attribute, function in former:
            setattr(owner, attribute, function)


def _below(cls):
    return [c for one in cls.__subclasses__() for c in (one, *_below(one))]


def of(step, steps):
    """Rows of where `steps` calls of `step` spend their time, the longest first; all times in ms a step.

    Each row: operation, forward, backward, calls a step, share of the step, and kernel: which backend's
    kernel ran, or why none did. The last row, "the rest", is Python outside all of them: the tape, the
    modules, the loop.
    """
    step()
    before = {_key(row): row for row in dispatch.table()}
    start = time.perf_counter()
    with watching() as watch:
        for _ in range(steps):
            step()
    whole = time.perf_counter() - start
    kernels = _kernels(before)
    rows = [
        _row(name, watch, whole, steps, kernels) for name in dict.fromkeys(name for name, _ in watch.seconds)
    ]
    rows.sort(key=lambda row: -row["share"])
    rest = whole - sum(watch.seconds.values())
    rows.append(
        {"operation": "the rest", "forward": 1e3 * rest / steps, "backward": 0.0, "calls": 0.0,
         "share": rest / whole, "kernel": ""}
    )  # fmt: skip
    return rows


def _row(name, watch, whole, steps, kernels):
    forward, backward = (watch.seconds.get((name, part), 0.0) for part in ("forward", "backward"))
    return {
        "operation": name,
        "forward": 1e3 * forward / steps,
        "backward": 1e3 * backward / steps,
        "calls": watch.calls.get((name, "forward"), 0) / steps,
        "share": (forward + backward) / whole,
        "kernel": "; ".join(kernels.get(name, ["array code"])),
    }


def _key(row):
    return row["operation"], row["part"], row["backend"]


def _kernels(before):
    """{operation: what its kernels said} of what the table of kernels counted since `before`."""
    said = {}
    for row in dispatch.table():
        old, lines = (
            before.get(_key(row), {"calls": 0, "declined": {}}),
            said.setdefault(row["operation"], []),
        )
        if row["calls"] > old["calls"]:
            lines.append(f"{row['backend']}: {row['part']}")
        for reason, count in row["declined"].items():
            if count > old["declined"].get(reason, 0):
                lines.append(f"{row['part']} declined: {reason}")
    return {name: lines for name, lines in said.items() if lines}


HEAD = ("operation", "forward, ms", "backward, ms", "calls", "share", "kernel")


def table_rows(rows):
    """The rows as text, in the order of HEAD."""
    for row in rows:
        times = (f"{row[part]:.3f}" for part in ("forward", "backward"))
        yield row["operation"], *times, f"{row['calls']:g}", f"{row['share']:.1%}", row["kernel"]
