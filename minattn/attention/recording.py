"""Collect the record of every attention inside a model."""

from contextlib import contextmanager

_recordings = []  # one {attention: function that files a trace} for each open `record` block


def is_recorded(attention):
    """True inside a `record` block of a model that contains `attention`."""
    return any(attention in recording for recording in _recordings)


def keep(attention, trace):
    """File a finished trace under the module's path, where somebody records; returns the trace."""
    for recording in _recordings:
        if attention in recording:
            recording[attention](trace)
    return trace


@contextmanager
def record(model, every=False):
    """`with record(model) as traces: model(x)` fills `traces` with {module path: Trace of its latest call}.

    every   True: lists of the Traces of all calls, for models that call an attention once a step
    A recorded attention takes the traced way, so that every piece is there: scores, mask, weights, heads.
    A trace keeps the tape of its pass alive; record inside `no_grad()` where no gradient is wanted.
    """
    traces = {}

    def filing(path):
        if every:
            return lambda trace: traces.setdefault(path, []).append(trace)
        return lambda trace: traces.__setitem__(path, trace)

    recording = {m: filing(path) for path, m in model.named_modules() if hasattr(m, "trace")}
    _recordings.append(recording)
    try:
        yield traces
    finally:
        _recordings.remove(recording)
