"""The process of one contender: `python -m minattn.bench.child`, one JSON object a line in and out.

    {"do": "build", "contender": .., "workload": {..}, "threads": ..}   -> facts about the process
    {"do": "check", "path": ..}       writes the results to an .npz file
    {"do": "time", "seconds": ..}     -> {"seconds": [..]} a unit of work, each step that fits
    {"do": "memory", "workload": {..}} -> {"bytes": ..}
    {"do": "profile", "steps": ..}    -> rows of profile.py

An answer may be {"error": ..}. It ends where its input ends. The pools of threads of NumPy, Numba, PyTorch
and JAX would stand in each other's way inside one process, so each contender has its own.
"""

import importlib
import json
import os
import sys
import time

import numpy as np

from . import memory
from .contenders import CONTENDERS, about
from .workloads import Workload

LONG = 0.5  # seconds; a step that takes so long needs no other one before it to be warm


class Server:
    """The answers to the requests; see the module."""

    def __init__(self):
        self.contender, self.job, self.usual = None, None, 0.0

    def build(self, contender, workload, threads):
        """Make the job and run it once: whatever is compiled or loaded late is so now."""
        if self.contender is None:
            if threads < len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else False:
                os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))
            self.contender = CONTENDERS[contender]
            self.builders = importlib.import_module(f".{self.contender.module}", __package__)
            self.builders.prepare(**self.contender.options)
        self.job = self._job(workload)
        self.usual = self.job.timed(self.job.step)
        return about(self.contender, threads)

    def _job(self, workload):
        return getattr(self.builders, workload["kind"])(Workload(**workload))

    def check(self, path):
        """Save what the job computes."""
        np.savez(path, *map(np.asarray, self.job.check()))
        return {}

    def time(self, seconds):
        """Seconds a unit of work, of each step until `seconds` have passed."""
        if self.usual < LONG:
            self.job.step()
        found, start = [], time.perf_counter()
        while not found or time.perf_counter() - start < seconds:
            found.append(self.job.timed(self.job.step))
        self.usual = found[-1]
        return {"seconds": [s / self.job.per for s in found]}

    def memory(self, workload):
        """The most bytes that the first step of a larger job needs besides its inputs."""
        self.job = self._job(workload)
        return {"bytes": memory.most_needed(self.job.step)}

    def profile(self, steps):
        """Where the time of `steps` steps goes."""
        from . import profile

        return {"rows": profile.of(self.job.step, steps)}


def main():
    """Answer until the input ends. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = Server()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(server, request.pop("do"))(**request)
        except Exception as error:  # whatever a library raises, the parent tells it and goes on
            said = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {said[:1000]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
