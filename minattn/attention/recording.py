"""Collect the record of every attention inside a model."""

from contextlib import contextmanager

_recorded = {}  # attention module -> (dict to fill, path)


def is_recorded(attention):
    """True inside a `record` block of a model that contains `attention`."""
    return attention in _recorded


def keep(attention, trace):
    """File a finished trace under the module's path, where somebody records."""
    if attention in _recorded:
        traces, path = _recorded[attention]
        traces[path] = trace


@contextmanager
def record(model):
    """`with record(model) as traces: model(x)` fills `traces` with {module path: Trace of its latest call}.

    A recorded attention takes the traced way, so every piece is there: scores, mask, weights, heads.
    """
    from .anatomy import Attention

    traces = {}
    mine = {m: (traces, path) for path, m in model.named_modules() if isinstance(m, Attention)}
    _recorded.update(mine)
    try:
        yield traces
    finally:
        for module in mine:
            _recorded.pop(module, None)
