"""A training step as one CUDA graph: recorded once, then launched as a whole.

A step of a small model is some thousand kernels, and many are done before the processor has launched the
next: the GPU waits for Python. A graph is the list of those kernels with their arguments, kept by the driver.
Launching it costs one call, and Python takes no part. What is recorded is what a kernel was given: addresses
and plain numbers. So a replay reads and writes the same memory, and four things must hold:

1. Inputs lie at fixed places, where each call copies its own. Shapes and types stay those of the first call.
2. Parameters lie at fixed places: where the step gave one a new array, the recording ends with a copy of it
   into the old one. (Optimisers change their own arrays in place.)
3. Nobody else gets the step's memory between two launches: it comes from a pool of its own.
4. Numbers that change from step to step (the rate, Adam's 1 - b^t) come from arrays, which are filled anew
   before each launch: `each_step` and `device_numbers` are for whoever has such numbers.

And the step may never look at a value (`.item()`, `float`, `if tensor:`): there is none while it is recorded.
"""

import contextlib

import numpy as np

from ..errors import ArgumentError, GraphError, ShapeError
from . import select

_recording = None  # the list of (function, fills an array) of the step that is being recorded


def recording():
    """True while a step is being recorded: nothing runs, and no value may be looked at."""
    return _recording is not None


def each_step(function):
    """Call `function()` now; if a step is being recorded, call it before each later launch as well."""
    function()
    if recording():
        _recording.append((function, False))


def device_numbers(make, dtype=np.float32):
    """The numbers `make()` as an array on the device; in a captured step, made again for each launch."""
    first = [np.array(make(), dtype=dtype)]
    if not recording():
        return select.xp.asarray(first[0])
    array = select.xp.empty(first[0].shape, dtype=dtype)

    def fill():  # in the stream's turn: the launch before may still read the numbers before
        numbers = first.pop() if first else np.array(make(), dtype=dtype)
        array.set(numbers, stream=select.xp.cuda.get_current_stream())

    _recording.append((fill, True))
    return array


def capture(step, optimiser):
    """`step` as a function that runs by itself at its first call, is recorded at its second, then replayed.

        step = backends.capture(step, optimiser)
        for ids, targets in batches:
            loss = step(ids, targets)

    step        (*arrays) -> anything; a whole step: zero_grad, forward, backward, optimiser.step
    optimiser   whose parameters the step moves
    Returns a function with the arguments of `step`, arrays of the host or of the device, and its result.
    Every call is one step, and counts as one. The result lies at a fixed place: the next call overwrites it.
    The first call does what may not happen in a recording: kernels are compiled, tables that are kept (masks,
    angles) are made. Only that call checks the values of its inputs, such as ids that must be in a table.
    Raises ArgumentError where the backend in use is not "cupy"; GraphError where the step looks at a value or
    brings arrays from the host; ShapeError where an input is of another form.
    """
    if select.current() != "cupy":
        raise ArgumentError(
            "capture(step, optimiser)",
            expected='the backend "cupy": a graph is a list of launches on a GPU',
            got=f'the backend "{select.current()}"',
            hint='use("cupy") first, or call the step itself',
        )
    return CapturedStep(step, optimiser)


class CapturedStep:
    """See `capture`."""

    def __init__(self, step, optimiser):
        cuda = select.xp.cuda
        self.step, self.optimiser, self.result = step, optimiser, None
        self.inputs, self.graph, self.before = None, None, []
        self.stream, self.pool = cuda.Stream(non_blocking=True), cuda.MemoryPool()

    def __call__(self, *inputs):
        """One step with these inputs."""
        with self._beside():
            if self.inputs is None:
                places = [select.xp.array(a) for a in inputs]
                self.result = self.step(*places)
                self.inputs = places
                return self.result
            self._copy_in(inputs)
            if self.graph is None:
                self._record()
                fillers = [function for function, fills in self.before if fills]
            else:
                fillers = [function for function, _ in self.before]
            for function in fillers:
                function()
            self.graph.launch()
        return self.result

    @contextlib.contextmanager
    def _beside(self):
        """On a stream and in memory of its own; the stream in use waits before and after."""
        cuda = select.xp.cuda
        outside = cuda.get_current_stream()
        self.stream.wait_event(outside.record())
        try:
            with cuda.using_allocator(self.pool.malloc), self.stream:
                yield
        finally:
            outside.wait_event(self.stream.record())

    def _copy_in(self, inputs):
        forms = [[(a.shape, a.dtype) for a in arrays] for arrays in (self.inputs, inputs)]
        if forms[0] != forms[1]:
            raise ShapeError(
                "a captured step",
                expected=f"inputs as at the first call: {forms[0]}",
                got=forms[1],
                hint="capture a step for each form, or pad the inputs to one",
            )
        for fixed, given in zip(self.inputs, inputs):
            fixed[...] = given if hasattr(given, "get") else select.xp.asarray(given)

    def _record(self):
        global _recording
        held = [(p, p.data) for p in self.optimiser.parameters]
        _recording = before = []
        self.stream.begin_capture()
        try:
            result = self.step(*self.inputs)
            for parameter, array in held:
                if parameter.data is not array:
                    array[...] = parameter.data
        except Exception as error:
            with contextlib.suppress(Exception):  # what was recorded so far is of no use
                self.stream.end_capture()
            if "cudaErrorStreamCapture" not in str(error):
                raise
            raise GraphError(
                "a captured step",
                expected="a step that only starts work on the device and never waits for it",
                got=str(error).splitlines()[0],
                hint="no .item(), float(tensor), `if tensor:` or boolean index inside the step",
            ) from error
        finally:
            _recording = None
            for parameter, array in held:
                parameter.data = array
        self.graph, self.result, self.before = self.stream.end_capture(), result, before
