"""How the worker is held apart from the grader, and the words for it that every report prints.

A level is probed, never chosen silently. Today there is one: L0, a process of its own with a time limit, a
scrubbed environment, an empty working folder and, where the platform has them, resource limits. It keeps an
accident from harming the grade; it does not keep a hostile file from reading what the user may read.
"""

import importlib.util
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

WORKER = Path(__file__).with_name("worker.py")
GIB = 2**30
RLIMITS = {
    "RLIMIT_AS": 2 * GIB,
    "RLIMIT_CPU": 60,
    "RLIMIT_FSIZE": 64 * 2**20,
    "RLIMIT_NOFILE": 256,
    "RLIMIT_CORE": 0,
}
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "NUMBA")
KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True)
class Sandbox:
    """One level: its short name, what it means in words, the resource limits that it sets."""

    level: str
    words: str
    limits: dict = field(default_factory=dict)

    def __str__(self):
        return f"{self.level} {self.words}"

    def command(self, submission):
        """The command line that starts the worker on one submission."""
        config = {
            "file": str(submission),
            "limits": self.limits,
            "numpy": str(Path(np.__file__).parents[1]),
        }
        return [sys.executable, "-I", "-B", str(WORKER), json.dumps(config)]

    def environment(self, folder):
        """The whole environment of the worker: nothing of the user's that it does not need."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        threads = {f"{name}_NUM_THREADS": "1" for name in THREADS}
        homes = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(folder))
        return {**kept, **threads, "VECLIB_MAXIMUM_THREADS": "1", **homes}


def probe():
    """The highest level that this machine offers."""
    if importlib.util.find_spec("resource") is None:
        return Sandbox("L0", "own process, time limit")
    which = "resource limits" if sys.platform == "linux" else "some resource limits"
    return Sandbox("L0", f"own process, time limit, {which}", RLIMITS)
