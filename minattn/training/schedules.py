"""How the learning rate changes: functions from the step (0 is the first) to a factor of the full rate.

factor = cosine(600, warmup=30);   factor(0) ... factor(599)
"""

import math

from ..errors import ArgumentError


def _check(where, warmup, steps=None):
    if warmup < 0 or (steps is not None and steps <= warmup):
        raise ArgumentError(
            where,
            expected="0 <= warmup" + ("" if steps is None else " < steps"),
            got=f"warmup {warmup}" + ("" if steps is None else f", steps {steps}"),
            hint=f"{where}(600, warmup=30)" if steps is not None else f"{where}(30)",
        )


def warm_up(warmup):
    """Rise in a straight line to 1 in `warmup` steps, then stay.

    >>> [warm_up(4)(step) for step in (0, 1, 3, 100)]
    [0.25, 0.5, 1.0, 1.0]
    """
    _check("warm_up", warmup)
    return lambda step: min(1.0, (step + 1) / warmup) if warmup else 1.0


def cosine(steps, warmup=0, floor=0.0):
    """Warm up, then fall to `floor` along half a cosine, which `steps` steps reach.

    Source: arXiv 1608.03983, equation 5, without restarts.

    >>> [round(cosine(8, warmup=4, floor=0.2)(step), 3) for step in (0, 4, 6, 8)]
    [0.25, 1.0, 0.6, 0.2]
    """
    _check("cosine", warmup, steps)
    rise = warm_up(warmup)

    def factor(step):
        done = min(max(step - warmup, 0) / (steps - warmup), 1.0)
        return rise(step) * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))

    return factor


def linear(steps, warmup=0, floor=0.0):
    """Warm up, then fall to `floor` in a straight line, which `steps` steps reach.

    >>> [linear(8, warmup=4)(step) for step in (0, 4, 6, 8)]
    [0.25, 1.0, 0.5, 0.0]
    """
    _check("linear", warmup, steps)
    rise = warm_up(warmup)

    def factor(step):
        done = min(max(step - warmup, 0) / (steps - warmup), 1.0)
        return rise(step) * (1 - (1 - floor) * done)

    return factor


def inverse_sqrt(warmup):
    """Warm up, then fall as 1 / sqrt(step): 1 at the peak, 1/2 after four times the warm-up.

    Source: arXiv 1706.03762, equation 3. Ours: the peak is 1: the optimiser's own rate.

    >>> [round(inverse_sqrt(4)(step), 3) for step in (0, 3, 15)]
    [0.25, 1.0, 0.5]
    """
    _check("inverse_sqrt", warmup - 1)
    return lambda step: min((step + 1) / warmup, math.sqrt(warmup / (step + 1)))
