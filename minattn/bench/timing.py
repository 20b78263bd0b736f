"""How steps are timed: first compared, then in turns, each after a rest and a step that does not count."""

import time

import numpy as np

from ..errors import ArgumentError


def same(steps):
    """Raise ArgumentError unless every contender gives what the first one gives, to 1e-3 of its size."""
    (first, step), *others = steps.items()
    wanted = step()
    for name, other in others:
        far = np.max([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(other(), wanted)])
        if not far < 1e-3:
            raise ArgumentError(
                f"bench({name})", expected=f"the result of {first}", got=f"{far:.2g} away", hint="report it"
            )


def measure(steps, rounds=7, rest=0.05):
    """{name: seconds of each round}. Steps take turns; compiling and warming never count."""
    same(steps)
    seconds = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            time.sleep(rest)  # threads of the former one that still wait, awake, go to sleep
            step()
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def summary(seconds):
    """{name: {"median", "low", "high"}} in milliseconds; low and high are the quartiles."""
    rows = {}
    for name, values in seconds.items():
        low, middle, high = (1e3 * float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
        rows[name] = {"median": middle, "low": low, "high": high}
    return rows
