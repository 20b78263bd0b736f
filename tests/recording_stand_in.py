"""A CUDA graph without a card: the stand-in's work, written down while a stream captures, and done again.

As on a GPU, nothing happens while a step is recorded (what it changed is put back), a value cannot be looked
at, and a launch does the same work again on the same arrays: what each call made is written into the array
that it made when it was recorded.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import device_stand_in
import numpy as np
from device_stand_in import DeviceArray

LOOKING = ("item", "tolist", "get", "__bool__", "__int__", "__float__")
CHANGING = ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__")


class Recorder:
    """What stands for `cupy.cuda`, and the list of what happened to it."""

    def __init__(self):
        self.calls, self.tape, self.before, self.depth = [], None, {}, 0
        self.MemoryPool = lambda: SimpleNamespace(malloc="the pool's")
        self.here = self.Stream()

    @property
    def recording(self):
        return self.tape is not None

    def Stream(self, non_blocking=False):  # noqa: N802
        return Stream(self)

    def get_current_stream(self):
        return self.here

    @contextmanager
    def using_allocator(self, malloc):
        self.calls.append(f"memory: {malloc}")
        yield

    def keep(self, array):
        """Remember an array that is about to change, to put it back when the recording ends."""
        if self.recording and isinstance(array, np.ndarray):
            base = array
            while isinstance(base.base, np.ndarray):
                base = base.base
            self.before.setdefault(id(base), (base, base.copy()))

    def do(self, function, changed, *args, **kwargs):
        """Call; while a stream captures, note the call. What it calls itself is part of it."""
        if not self.recording or self.depth:
            return function(*args, **kwargs)
        for a in changed:
            self.keep(a)
        self.depth += 1
        try:
            out = function(*args, **kwargs)
        finally:
            self.depth -= 1
        self.tape.append((function, args, kwargs, out))
        return out


class Stream:
    """A stream that can capture."""

    def __init__(self, recorder):
        self.recorder = recorder

    def __enter__(self):
        self.former, self.recorder.here = self.recorder.here, self

    def __exit__(self, *error):
        self.recorder.here = self.former

    def record(self):
        return "event"

    def wait_event(self, event):
        self.recorder.calls.append("wait")

    def begin_capture(self):
        self.recorder.calls.append("begin")
        self.recorder.tape, self.recorder.before = [], {}

    def end_capture(self):
        self.recorder.calls.append("end")
        tape, self.recorder.tape = self.recorder.tape, None
        for base, values in self.recorder.before.values():
            base[...] = values
        return Graph(self.recorder, tape)


class Graph:
    """A recorded tape."""

    def __init__(self, recorder, tape):
        self.recorder, self.tape = recorder, tape

    def launch(self):
        self.recorder.calls.append("launch")
        for function, args, kwargs, out in self.tape:
            again = function(*args, **kwargs)
            if isinstance(out, DeviceArray) and out is not again and out.inside.flags.writeable:
                out.inside[...] = again.inside  # (a view that repeats numbers cannot be written, nor need be)


def _looking(recorder, method):
    def guarded(self, *args, **kwargs):
        if recorder.recording and not recorder.depth:
            raise RuntimeError(
                "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"
            )
        return method(self, *args, **kwargs)

    return guarded


def _noted(recorder, method, changes):
    def noted(self, *args, **kwargs):
        return recorder.do(method, [self.inside] if changes else [], self, *args, **kwargs)

    return noted


def _set(self, host, stream):
    assert stream is not None, "a copy that does not wait for its turn"
    self.inside[...] = host


def record_kernels(patch, recorder, kernel):
    """Record the calls of the class `kernel`, kernel(grid, block, args), as well."""
    launch = kernel.__call__

    def noted(self, grid, block, args):
        changed = [getattr(a, "inside", a) for a in args]
        return recorder.do(launch, changed, self, grid, block, args)

    patch.setattr(kernel, "__call__", noted)


def record_calls(patch):
    """Let the stand-in's arrays and functions be recorded; gives the namespace and what it has as `cuda`."""
    recorder = Recorder()
    for name, method in list(vars(DeviceArray).items()):
        if name in LOOKING:
            patch.setattr(DeviceArray, name, _looking(recorder, method))
        elif callable(method) and name not in ("__init__", "__array__", "__repr__", "__len__", "__iter__"):
            patch.setattr(DeviceArray, name, _noted(recorder, method, name in CHANGING))
    patch.setattr(DeviceArray, "set", _set, raising=False)
    function = device_stand_in._Function
    call, at = function.__call__, function.at

    def noted_call(self, *args, **kwargs):
        if self.name in ("empty", "empty_like"):  # room, and no work
            return call(self, *args, **kwargs)
        return recorder.do(call, [], self, *args, **kwargs)

    patch.setattr(function, "__call__", noted_call)
    patch.setattr(function, "at", lambda self, into, *a: recorder.do(at, [into.inside], self, into, *a))
    return device_stand_in._Namespace(**vars(device_stand_in.namespace), cuda=recorder), recorder
