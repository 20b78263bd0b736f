"""From a decoder that reads many tokens at once to `step(prefix)`, which reads only the new ones."""

from contextlib import contextmanager
from dataclasses import replace

from ..autodiff import no_grad, ops
from ..backends import Declined, asnumpy, dispatch, xp
from ..errors import DTypeError, ShapeError

PAD, BOS, EOS = 0, 1, 2  # the ids of padding, begin and end of a sentence


class Stepper:
    """`step(prefix)` for the searches in `minattn.decoding`, with everything earlier kept in a state.

    model    put into eval mode while it steps, with the modules that it has at the first step
    decode   (tokens (N,t), state) -> (logits (N,t,V), next state); state.place counts the tokens read
    state    what decode starts from; state.rows(index) picks batch rows

    `step(prefix)`, prefix (N,T) integers, returns NumPy log-probabilities (N,V) of the next token. Each
    prefix must continue the former one. Raises ShapeError where rows or length do not fit.
    """

    def __init__(self, model, decode, state):
        self.model, self.decode, self.state = model, decode, state
        self._modules = None  # found once: the search took a quarter of the time of small models

    def __call__(self, prefix):
        new = check_ids("step(prefix)", prefix)[:, self.state.place :]
        if new.shape[1] == 0:
            raise ShapeError(
                "step(prefix)",
                expected=f"the {self.state.place} tokens of the former call and at least one new one",
                got=f"{prefix.shape[1]} tokens",
                hint="append the chosen tokens to the prefix, or start a new stepper",
            )
        found = dispatch.run("next token", self.model, new, self.state)
        if found.__class__ is not Declined:
            return found
        self._modules = self._modules or self.model.modules()
        with no_grad(), evaluating(self.model, self._modules):
            logits, self.state = self.decode(new, self.state)
            return asnumpy(ops.log_softmax(logits[:, -1]).data)

    def reorder(self, rows):
        """Go on with the batch rows `rows`, in that order; a row may be repeated or dropped."""
        self.state = self.state.rows(rows)


@contextmanager
def evaluating(model, modules=None):
    """The model in eval mode inside a `with` block; `modules` spares the search for all that it holds."""
    modules = (modules or model.modules()) if model.training else []
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


def check_ids(where, ids):
    """`ids` as a backend array. Raises ShapeError unless (B, T), not empty; DTypeError unless integer."""
    ids = xp.asarray(getattr(ids, "data", ids) if not hasattr(ids, "dtype") else ids)
    if ids.ndim != 2 or 0 in ids.shape:
        raise ShapeError(
            where, expected="ids (B, T), not empty", got=ids.shape, hint="ids[None] adds a batch of one"
        )
    if ids.dtype.kind not in "iu":
        raise DTypeError(where, expected="integer ids", got=f"dtype {ids.dtype}", hint="ids.astype(int)")
    return ids


def check_pair(where, source, target):
    """Source and target ids of one batch size, as arrays of the backend."""
    source, target = check_ids(f"{where}, source", source), check_ids(f"{where}, target", target)
    if len(source) != len(target):
        raise ShapeError(
            where, expected=f"{len(source)} targets", got=len(target), hint="batch both together"
        )
    return source, target


def joined(traces):
    """Traces of one query each as one trace of all: what a decoder that goes word by word leaves."""
    first = traces[0]
    parts = {
        name: ops.concatenate([getattr(t, name) for t in traces], axis=axis)
        for name, axis in (("x", 1), ("q", 2), ("scores", 2), ("weights", 2), ("heads", 2), ("out", 1))
    }
    return replace(first, q_pos=xp.concatenate([t.q_pos for t in traces]), **parts)
