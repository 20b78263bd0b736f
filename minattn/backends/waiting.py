"""How threads wait for each other: awake where the cores are theirs, asleep where others work too.

A kernel ends when its last thread does. Threads that stay awake until then, and until the next kernel,
lose no time to being woken: a small training step takes two thirds of the time. But where more threads
want to work than there are cores, the thread that all wait for may be the one that has none, kept from
it by those that wait: beside other work on two cores the same step took 2 seconds awake, 0.2 asleep.

The OpenMP library of GCC, whose threads these are on Linux, reads GOMP_SPINCOUNT as it is loaded.
"""

import functools
import os
import time
from pathlib import Path

from .threads import threads

LOAD = Path("/proc/loadavg")  # Linux; its fourth field is "threads that run or want to/all threads"
LOOKS, PAUSE = 20, 0.001  # how often, and seconds in between


@functools.cache
def choose_waiting():
    """How the kernels' threads wait, chosen before they start: "awake", "asleep", or "as asked".

    The last where the variable GOMP_SPINCOUNT or OMP_WAIT_POLICY is set.
    """
    if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        return "as asked"
    if others_at_work() + threads() <= (os.cpu_count() or 1) + 0.5:
        return "awake"
    os.environ["GOMP_SPINCOUNT"] = "0"
    return "asleep"


def others_at_work():
    """How many threads want a core besides the one that asks, a mean over 20 ms; 0 where nobody tells."""
    seen = []
    for _ in range(LOOKS):
        try:
            seen.append(int(LOAD.read_text().split()[3].partition("/")[0]))
        except (OSError, IndexError, ValueError):
            return 0.0
        time.sleep(PAUSE)
    return max(0.0, sum(seen) / len(seen) - 1)
