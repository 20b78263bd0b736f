"""Everything that is measured, as one dict that JSON can keep; and the ratios in it."""

import datetime
import json
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ArgumentError, OutputError
from . import contenders, growth, race, workloads

SCHEMA = 1


@dataclass(frozen=True)
class Run:
    """One entry of a plan: a race at one size, or a measurement of memory."""

    part: str  # "races", "growth" or "memory"
    workload: workloads.Workload
    rivals: tuple
    rounds: int = 0

    @property
    def steps(self):
        """How often it tells that a step is done."""
        return len(self.rivals) + self.rounds


def plan(only=(), quick=False, parts=("races", "growth", "memory")):
    """What to run, as a list of Run. With `quick` or `only`, races alone.

    Raises ArgumentError for a name in `only` that no workload has.
    """
    names = contenders.QUICK if quick else None
    runs = []
    if "races" in parts:
        for one in workloads.chosen(only, quick):
            found = tuple(contenders.present(one.kind, names))
            runs.append(Run("races", one, found, 3 if quick else one.rounds))
    if only or quick:
        return runs
    for name, shape in growth.SHAPES.items():
        for length in growth.LENGTHS:
            one, found = shape.resized(T=length), tuple(growth.rivals(name, length))
            runs += [Run("growth", one, found, 3)] if "growth" in parts else []
            runs += [Run("memory", one, found)] if "memory" in parts else []
    return runs


def collect(runs, threads, turn=0.2, tell=lambda text, steps=0: None, show=lambda run, found: None):
    """Do all runs and return the figures: see the README of tests/benchmarks for their form.

    tell   tell(what happens now, steps done since)
    show   show(run, what it found) after each
    """
    figures = {
        "schema": SCHEMA, "machine": machine(), "settings": settings(threads, turn), "processes": {},
        "races": {}, "growth": {}, "memory": {},
    }  # fmt: skip
    for run in runs:
        if run.part == "memory":
            found = growth.memory(run.workload, run.rivals, threads, tell)
        else:
            found = race.race(run.workload, run.rivals, threads, rounds=run.rounds, turn=turn, tell=tell)
            figures["processes"].update(found.pop("processes"))
        _keep(figures, run, found)
        show(run, found)
    return figures


def _keep(figures, run, found):
    one = run.workload
    if run.part == "races":
        figures["races"][one.name] = {"title": one.title, "goal": one.goal, **found}
        return
    name = next(n for n, shape in growth.SHAPES.items() if shape.kind == one.kind)
    series = figures[run.part].setdefault(name, {"size": {**one.size, "T": []}, "of": {}, "absent": {}})
    series["size"]["T"].append(one.size["T"])
    values = found.get("MB") or {c: row["median"] for c, row in found.get("rows", {}).items()}
    for contender, value in values.items():
        series["of"].setdefault(contender, {})[str(one.size["T"])] = value
    series["absent"].update(found["absent"])


def machine():
    """The processor, its cores and widest vectors, the memory, the system."""
    try:
        text, memory = Path("/proc/cpuinfo").read_text(), Path("/proc/meminfo").read_text()
    except OSError:
        text = memory = ""
    name = re.search(r"model name\s*: (.*)", text)
    widest = next((w for w in ("avx512f", "avx2") if w in text), None)
    size = re.search(r"MemTotal:\s+(\d+)", memory)
    return {
        "processor": name[1] if name else platform.processor() or platform.machine(),
        "vectors": widest,
        "cores": os.cpu_count(),
        "memory_gb": round(int(size[1]) / 1e6, 1) if size else None,
        "system": platform.platform(),
    }


def settings(threads, turn):
    """How it was measured."""
    return {
        "date": datetime.date.today().isoformat(),
        "threads": threads,
        "turn_s": turn,
        "rest_s": race.REST,
        "variables_removed": list(race.DROPPED),
        "variables_set": race.KEPT_MEMORY,
    }


def standing(found, ours="minattn numba"):
    """How `ours` stands in one race beside the best peer of its device, or None where one is absent.

    Returns {"ms", "peer", "peer_ms", "ratio", "low", "high", "numpy"}: ratio, low and high are the median and
    the quartiles over rounds of the peer's time over ours; numpy is the time of minattn numpy over ours.
    """
    rows = found["rows"]
    peers = [name for name in rows if contenders.CONTENDERS[name].device == contenders.PAIRS[ours]]
    peers = [name for name in peers if not name.startswith("minattn")]
    if ours not in rows or not peers:
        return None
    best = min(peers, key=lambda name: rows[name]["median"])
    each = np.divide(rows[best]["rounds"], rows[ours]["rounds"])
    low, ratio, high = (float(q) for q in np.quantile(each, (0.25, 0.5, 0.75)))
    mine, plain = rows[ours]["median"], rows.get("minattn numpy")
    return {
        "ms": mine, "peer": best, "peer_ms": rows[best]["median"], "ratio": ratio, "low": low, "high": high,
        "numpy": plain["median"] / mine if plain else None,
    }  # fmt: skip


def save(figures, path):
    """Write the figures as JSON. Raises OutputError."""
    try:
        Path(path).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    except OSError as cause:
        raise OutputError(
            "minattn bench --out", expected="a file that can be written", got=cause, hint="another folder"
        ) from cause


def load(path):
    """The figures that `save` wrote. Raises ArgumentError where the file is something else."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if found["schema"] == SCHEMA:
            return found
        got = f"schema {found['schema']}"
    except (OSError, ValueError, TypeError, KeyError) as error:
        got = f"{type(error).__name__}: {error}"
    raise ArgumentError(
        f"figures.load({str(path)!r})",
        expected=f"figures of schema {SCHEMA}",
        got=got,
        hint="minattn bench --out",
    )
