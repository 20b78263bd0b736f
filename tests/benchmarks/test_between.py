"""Timed (`python -m pytest -m timed -n 0`): the user's own NumPy code between two steps slows nothing.

Two pools of threads that take turns are slow where the one goes on waiting, awake, while the other works.
While "numba" is in use NumPy's BLAS works on the thread that calls it, and no such thing can happen.
"""

import statistics
import time

import numpy as np
import pytest

from minattn import backends
from minattn.models import gpt
from minattn.nn.optim import AdamW

pytestmark = pytest.mark.timed


def seconds(work, rounds=15):
    """Median over rounds of each function's time, in turns."""
    found = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            found[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in found.items()}


def test_a_step_with_numpy_products_in_between_takes_no_longer_than_both_alone(record_property):
    rng = np.random.default_rng(0)
    mine = rng.standard_normal((512, 512)).astype(np.float32)
    with backends.using("numba"):
        model = gpt(65, rng=rng)
        optimiser, ids = AdamW(model.parameters(), lr=1e-3), rng.integers(65, size=(12, 65))

        def step():
            optimiser.zero_grad()
            model.loss(ids).backward()
            optimiser.step()

        def product():
            for _ in range(8):
                mine @ mine

        def both():
            product()
            step()

        for function in (step, product, step, product):
            function()
        took = seconds({"step": step, "product": product, "both": both})
    ratio = took["both"] / (took["step"] + took["product"])
    record_property("ratio", ratio)
    print(
        f"\nboth together / each alone: {ratio:.2f}", {name: f"{1e3 * t:.1f} ms" for name, t in took.items()}
    )
    assert ratio < 1.15
