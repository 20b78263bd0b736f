"""Mixers by name or from a file, tried out before minutes are spent on them."""

import numpy as np

from ..attention import mixers
from ..autodiff import Tensor, no_grad
from ..errors import ArgumentError
from ..nn import Module

D_MODEL, N_HEADS = 32, 2
TRIED = 7  # tokens


def chosen(names):
    """{label: make} for names of the registry, "all", and files as "mine.py:MyMixer", labelled MyMixer.

    Raises ArgumentError for no name, an unknown one, two of one label, or a mixer that does not keep what
    all mixers promise.
    """
    names = [one for name in names for one in (mixers.registry() if name == "all" else (name,))]
    makes = {}
    for name in dict.fromkeys(names):
        label = name.rpartition(":")[2]
        if label in makes:
            raise ArgumentError(
                f"mixer {name!r}",
                expected="labels of their own",
                got=f"{label} twice",
                hint="rename the class",
            )
        makes[label] = mixers.load(name)
        try_out(label, makes[label])
    if not makes:
        raise ArgumentError("--mixers", expected="a mixer or more", got="none", hint="softmax,linear")
    return makes


def try_out(label, make):
    """Raise ArgumentError unless make(d_model, n_heads, rng=..) is a causal Module (B,T,d) -> (B,T,d)."""
    where = f"mixer {label}"
    try:
        mixer = make(D_MODEL, N_HEADS, rng=np.random.default_rng(0))
        if not isinstance(mixer, Module):
            raise ArgumentError(
                where,
                expected="a minattn.nn.Module, so that its parameters are trained",
                got=type(mixer).__name__,
                hint=f"class {label}(minattn.attention.mixers.Mixer): ...",
            )
        _check_forward(where, mixer.eval())
    except TypeError as error:
        raise ArgumentError(
            where,
            expected=f"{label}(d_model, n_heads, rng=rng), then mixer(x, valid=None)",
            got=error,
            hint="def __init__(self, d_model, n_heads, *, rng) and def forward(self, x, valid=None)",
        ) from error


def _check_forward(where, mixer):
    x = np.random.default_rng(1).normal(size=(2, TRIED, D_MODEL)).astype(np.float32)
    other = x.copy()
    other[:, -1] += 1
    with no_grad():
        before, after = (mixer(Tensor(one), valid=None) for one in (x, other))
    if before.shape != x.shape:
        raise ArgumentError(
            where, expected=f"an output {x.shape} like x", got=before.shape, hint="merge the heads again"
        )
    if not np.allclose(before.numpy()[:, :-1], after.numpy()[:, :-1], atol=1e-5):
        raise ArgumentError(
            where,
            expected="a causal mixer: no output depends on a later token",
            got="a change of the last token changed outputs before it",
            hint="masks=[Causal()], or a mask of booleans in the scores",
        )


def costs(make, n_layers, lengths):
    """({length: floats of state}, {length: multiply-adds of one more token there}); None where not said."""
    mixer = make(D_MODEL, N_HEADS, rng=np.random.default_rng(0))
    try:
        state = {n: n_layers * mixer.state_floats(n) for n in lengths}
    except (AttributeError, NotImplementedError):
        state = None
    try:
        flops = {n: n_layers * (mixer.flops(n) - mixer.flops(n - 1)) for n in lengths}
    except (AttributeError, NotImplementedError):
        flops = None
    return state, flops
