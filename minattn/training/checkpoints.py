"""A training run in one file: parameters, optimiser, step, history, and the state of every random generator.

The file is safetensors: arrays under `model/`, `optimiser/` and `history/`, the rest as JSON in the header.
It is written beside its final place and then renamed, so that a file with the final name is always whole.
"""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ..errors import CheckpointError, OutputError
from ..nn import Module
from .history import History

FORMAT = "minattn checkpoint 1"


def generators(model, rng=None):
    """Every distinct Generator that training draws from: `rng`, then those that the model's modules hold."""
    found = {} if rng is None else {id(rng): rng}
    for module in model.modules() if isinstance(model, Module) else ():
        for value in vars(module).values():
            if isinstance(value, np.random.Generator):
                found.setdefault(id(value), value)
    return list(found.values())


def states_of(rngs):
    """The states of generators, to be given back by `restore`."""
    return [rng.bit_generator.state for rng in rngs]


def restore(rngs, states):
    """Put generators back into former states."""
    for rng, state in zip(rngs, states):
        rng.bit_generator.state = state


def save(path, model, optimiser=None, *, step=0, history=None, rngs=(), run=None):
    """Write a checkpoint.

    path     the file; a file of that name is replaced in one move, its folder must exist or can be made
    step     steps done
    history  a History
    rngs     generators whose states belong to the run, usually `generators(model, rng)`
    run      a dict of plain values that tell this run from others
    Raises OutputError where the file cannot be written; a former file then stays as it was.
    """
    path = Path(path)
    arrays = {f"model/{k}": v for k, v in model.state_dict().items()}
    if optimiser is not None:
        arrays |= {f"optimiser/{k}": v for k, v in optimiser.state_dict().items()}
    if history is not None:
        arrays |= {f"history/{k}": v for k, v in history.arrays().items()}
    facts = {"step": step, "rngs": states_of(rngs), "run": run or {}}
    header = {"format": FORMAT, "facts": json.dumps(facts, default=_plain)}
    data = to_bytes({k: np.ascontiguousarray(v).reshape(v.shape) for k, v in arrays.items()}, header)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(
            f"checkpoint {path}",
            expected="a file that can be written",
            got=error.strerror or str(error),
            hint="another folder, or make room there",
        ) from error


def load(path, model, optimiser=None, *, rngs=(), run=None):
    """Put the run of a checkpoint back into model, optimiser and generators; returns (step, history).

    run   what the file must say about its run, see `save`; None accepts any
    Raises CheckpointError, and changes nothing, where the file is damaged, foreign or of another run.
    """
    arrays, facts = _read(path)
    theirs, states = facts["run"], facts["rngs"]
    mine = theirs if run is None else json.loads(json.dumps(run, default=_plain))
    if mine != theirs:
        differing = sorted(k for k in {*mine, *theirs} if mine.get(k) != theirs.get(k))
        raise _error(
            path,
            "the same run: " + ", ".join(f"{k} {mine.get(k)}" for k in differing),
            ", ".join(f"{k} {theirs.get(k)}" for k in differing),
            "delete the file to start anew, or name another one",
        )
    if len(states) != len(rngs) or any(
        r.bit_generator.state["bit_generator"] != s["bit_generator"] for r, s in zip(rngs, states)
    ):
        raise _error(
            path, f"states of {len(rngs)} generators", len(states), "build model and rng as for the saved run"
        )
    former = model.state_dict()
    try:
        model.load_state_dict(_part(arrays, "model"))
        if optimiser is not None:
            optimiser.load_state_dict(_part(arrays, "optimiser"))
    except CheckpointError as error:
        model.load_state_dict(former)
        raise _error(path, error.expected, error.got, error.hint) from error
    restore(rngs, states)
    history = _part(arrays, "history")
    return facts["step"], History.from_arrays(history) if history else History()


def load_model(path, model):
    """Put only the parameters of a checkpoint into `model`; returns it.

    Raises CheckpointError, and changes nothing, where the file is damaged, foreign or of another model.
    """
    arrays, _ = _read(path)
    try:
        model.load_state_dict(_part(arrays, "model"))
    except CheckpointError as error:
        raise _error(path, error.expected, error.got, error.hint) from error
    return model


def _part(arrays, name):
    return {k.removeprefix(name + "/"): v for k, v in arrays.items() if k.startswith(name + "/")}


def _read(path):
    """All arrays and the facts of a file of ours."""
    if not Path(path).is_file():
        raise _error(
            path, "a file", "no file of that name", "check the path; fit(..., checkpoint=path) makes it"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise _error(path, "a whole safetensors file", str(error), "an older copy, or train again") from error
    if header.get("format") != FORMAT:
        raise _error(
            path,
            FORMAT,
            header.get("format", "a safetensors file of another program"),
            "a file that minattn.training wrote",
        )
    return arrays, json.loads(header["facts"], object_hook=_unplain)


def _error(path, expected, got, hint):
    return CheckpointError(f"checkpoint {path}", expected=expected, got=got, hint=hint)


def _plain(value):
    """Arrays (in the states of some generators) as JSON."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value.item() if isinstance(value, np.generic) else str(value)


def _unplain(value):
    return np.array(value["array"], dtype=value["dtype"]) if value.keys() == {"array", "dtype"} else value
