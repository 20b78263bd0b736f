"""What is timed: names, sizes, and the arrays and weights that every contender gets."""

import difflib
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ArgumentError


@dataclass(frozen=True)
class Workload:
    """One thing to time.

    name       what `--only` takes
    kind       attention, linear_attention, training, decoding or recurrent: the builder that makes it
    title      what a table calls it
    size       lengths by name
    backward   whether the gradients are part of it
    goal       what (time of the best peer) / (time of minattn with numba) should reach, or None
    rounds     turns that each contender gets
    quick      part of `minattn bench --quick`
    """

    name: str
    kind: str
    title: str
    size: dict
    backward: bool = True
    goal: float | None = None
    rounds: int = 9
    quick: bool = False

    def resized(self, **lengths):
        """The same with other lengths."""
        return replace(self, size={**self.size, **lengths})


def _attentions():
    sizes = {(12, 4, 64, 32): (1.3, 1.2), (8, 8, 256, 32): (1.5, 1.4), (4, 8, 1024, 64): (1.1, 1.0)}
    for (b, h, t, d), goals in {**sizes, (1, 8, 4096, 64): (1.0, 1.0)}.items():
        size, shape = {"B": b, "H": h, "T": t, "d": d}, f"({b}, {h}, {t}, {d})"
        more = {"rounds": 9 if t < 4096 else 5, "quick": t < 1024}
        yield Workload(
            f"attention-{t}", "attention", f"causal attention {shape}", size, True, goals[0], **more
        )
        more["quick"] = False
        title = f"causal attention {shape}, forward only"
        yield Workload(f"attention-{t}-forward", "attention", title, size, False, goals[1], **more)


SMALL = {"L": 4, "H": 4, "d_model": 128, "T": 64, "B": 12, "V": 65}
MID = {"L": 6, "H": 6, "d_model": 384, "T": 256, "B": 4, "V": 65}
RECURRENT = {"T": 64, "B": 32, "n": 256}
LINEAR = {"B": 1, "H": 4, "T": 8192, "d": 64}

WORKLOADS = {
    w.name: w
    for w in (
        *_attentions(),
        Workload("gpt-small", "training", "training step, small GPT", SMALL, goal=1.2, quick=True),
        Workload("gpt-mid", "training", "training step, mid GPT", MID, goal=1.0, rounds=5),
        Workload(
            "decode", "decoding", "decoding, small GPT, a token", {**SMALL, "B": 1}, False, 5.0, quick=True
        ),
        Workload("lstm", "recurrent", "LSTM", {**RECURRENT, "gates": 4}, goal=1.0),
        Workload("gru", "recurrent", "GRU", {**RECURRENT, "gates": 3}, goal=1.0),
        Workload("linear-attention", "linear_attention", "linear attention", LINEAR, goal=2.0),
        Workload(
            "linear-attention-forward",
            "linear_attention",
            "linear attention, forward only",
            LINEAR,
            False,
            3.0,
        ),
    )
}


def chosen(only=(), quick=False):
    """The workloads to run: all, those of `--quick`, or those whose name is, or begins with, one of `only`.

    Raises ArgumentError for a name that fits none.
    """
    found = []
    for name in only:
        fits = [w for key, w in WORKLOADS.items() if key == name or key.startswith(f"{name}-")]
        if not fits:
            near = difflib.get_close_matches(name, WORKLOADS, n=3, cutoff=0.4)
            raise ArgumentError(
                "bench(only)",
                expected="one of " + ", ".join(WORKLOADS),
                got=repr(name),
                hint=f"--only {near[0] if near else 'gpt-small'}; --only attention takes all that begin so",
            )
        found += [w for w in fits if w not in found]
    if only:
        return found
    return [w for w in WORKLOADS.values() if w.quick or not quick]


def arrays(workload, seed=0):
    """{name: array} that goes in: q k v and g, the gradient of the output; or ids; or x and g."""
    rng, size = np.random.default_rng(seed), workload.size
    if workload.kind in ("attention", "linear_attention"):
        shape = tuple(size[n] for n in ("B", "H", "T", "d"))
        return {name: rng.standard_normal(shape, dtype=np.float32) for name in "qkvg"}
    if workload.kind == "recurrent":
        shape = tuple(size[n] for n in ("B", "T", "n"))
        return {name: rng.standard_normal(shape, dtype=np.float32) for name in "xg"}
    batches = 1 if workload.kind == "decoding" else 8
    return {"ids": rng.integers(0, size["V"], (batches, size["B"], size["T"] + 1))}


def model(workload, seed=0):
    """minattn's GPT or recurrent layer with its start weights: where every contender takes them from."""
    from .. import models, nn

    rng, size = np.random.default_rng(seed), workload.size
    if workload.kind == "recurrent":
        return (nn.LSTM if size["gates"] == 4 else nn.GRU)(size["n"], size["n"], rng=rng)
    return models.gpt(size["V"], d_model=size["d_model"], n_heads=size["H"], n_layers=size["L"], rng=rng)


def weights(workload):
    """{name in minattn: array} of `model(workload)`."""
    return {name: np.array(array) for name, array in model(workload).state_dict().items()}
