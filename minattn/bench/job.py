"""One contender's version of one workload, ready to be timed."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def host_seconds(step):
    """How long a step takes by the clock."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Job:
    """What a builder returns.

    step    does the work once, and is done when it returns (on a GPU: has asked for everything)
    check   () -> list of NumPy arrays, to be compared with those of the other contenders
    per     units of work in a step: the tokens that it decodes
    timed   timed(step) -> seconds
    """

    step: Callable
    check: Callable
    per: int = 1
    timed: Callable = host_seconds
