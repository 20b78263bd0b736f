"""The parent: it starts a process for each contender, compares their results, and lets them take turns."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..errors import MinattnError

REST = 0.05  # seconds before a turn: threads of the former contender that still wait, awake, go to sleep
PATIENCE = 600  # seconds for one answer
DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # they force slow kernels on some processors
POOLS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM")
KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}


class Out(MinattnError, RuntimeError):
    """A contender that cannot go on; `got` says why."""


class Process:
    """A contender in a process of its own."""

    def __init__(self, contender, threads):
        self.contender, self.threads = contender, threads
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - in __exit__
        self.child = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, env=environment(threads),
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.communicate()
        self.log.close()

    def ask(self, do, **request):
        """The answer to one request. Raises Out where the child says an error, or nothing more."""
        watch = threading.Timer(PATIENCE, self.child.kill)
        watch.start()
        try:
            self.child.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except OSError:
            line = ""
        finally:
            watch.cancel()
        answer = json.loads(line) if line else {"error": f"it ended: {self._last_words()}"}
        if "error" in answer:
            raise Out(
                self.contender.name, expected=f"an answer to {do}", got=answer["error"], hint="see above"
            )
        return answer

    def _last_words(self):
        self.log.seek(0)
        said = [line for line in self.log.read().splitlines() if line.strip()]
        return said[-1] if said else f"exit code {self.child.wait()}"

    def build(self, workload):
        """Let it build a workload; returns the facts about its process."""
        return self.ask(
            "build", contender=self.contender.name, workload=asdict(workload), threads=self.threads
        )

    def results(self):
        """The arrays that its job computes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.npz"
            self.ask("check", path=str(path))
            with np.load(path) as found:
                return list(found.values())

    def memory(self, workload):
        """The bytes that the first step of a workload needs besides its inputs."""
        return self.ask("memory", workload=asdict(workload))["bytes"]

    def profile(self, steps):
        """The rows of profile.py over `steps` steps."""
        return self.ask("profile", steps=steps)["rows"]

    def turn(self, seconds):
        """The median of the steps of one turn, in seconds a unit of work."""
        time.sleep(REST)
        return float(np.median(self.ask("time", seconds=seconds)["seconds"]))


def environment(threads):
    """The variables of every contender's process, the same for all; see the README of tests/benchmarks."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    pools = {f"{name}_NUM_THREADS": str(threads) for name in POOLS}
    return {**kept, **pools, **KEPT_MEMORY, "MINATTN_THREADS": str(threads)}


def distance(results, wanted):
    """How far results are from the wanted ones, the worst array of them, relative to its length."""
    if [a.shape for a in results] != [b.shape for b in wanted]:
        return np.inf
    far = [np.linalg.norm(a - b) / (np.linalg.norm(b) or 1.0) for a, b in zip(results, wanted)]
    return float(np.nan_to_num(max(far, key=np.nan_to_num), nan=np.inf))


def race(workload, rivals, threads, *, rounds=None, turn=0.2, tell=lambda text, steps=0: None):
    """Time one workload: {"rows": {contender: figures}, "absent": {contender: why}, "processes": facts}.

    rivals   contenders; the results of the first that works are what the others must have too
    rounds   turns of each, default those of the workload
    turn     seconds of a turn; a longer step is a turn by itself
    tell     tell(what happens now, steps done)
    """
    rounds = rounds or workload.rounds
    absent, processes, starts = {}, {}, {}
    with ExitStack() as stack:
        wanted = None
        for contender in rivals:
            tell(f"{workload.name}: {contender.name} builds")
            process = stack.enter_context(Process(contender, threads))
            begun = time.perf_counter()
            try:
                facts = process.build(workload)
                starts[contender.name] = time.perf_counter() - begun
                results = process.results()
                wanted = wanted or results
                _refuse_if_far(contender, distance(results, wanted))
            except Out as out:
                absent[contender.name] = out.got
            else:
                processes[contender.name] = (process, facts)
            tell("", 1)
        seconds = {name: [] for name in processes}
        for n in range(rounds):
            tell(f"{workload.name}: round {n + 1} of {rounds}")
            for name, (process, _) in processes.items():
                seconds[name].append(process.turn(turn))
            tell("", 1)
    rows = {name: {**summary(values), "start": starts[name]} for name, values in seconds.items()}
    return {"rows": rows, "absent": absent, "processes": {n: facts for n, (_, facts) in processes.items()}}


def _refuse_if_far(contender, far):
    if not far <= contender.tolerance:
        got = f"wrong results, {far:.2g} away from the first contender's"
        raise Out(contender.name, expected=f"at most {contender.tolerance:g}", got=got, hint="report it")


def summary(seconds):
    """Median and quartiles in milliseconds, and every round's."""
    low, middle, high = (1e3 * float(q) for q in np.quantile(seconds, (0.25, 0.5, 0.75)))
    return {"median": middle, "low": low, "high": high, "rounds": [1e3 * s for s in seconds]}
