"""Train the arms of a row, measure them, and choose their learning rates."""

import time
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from ..nn import Module
from .base import Row


@dataclass
class Run:
    """One row at one seed: what `draw` gets to see."""

    row: Row
    seed: int
    world: object
    models: dict  # arm -> trained model
    measured: dict  # arm -> {metric: number}
    parameters: dict  # arm -> number of parameters
    seconds: float


def check_fair(slug, arms, parameters):
    """Refuse rivals that differ in steps, rates, or by more than 2 % in parameters, without a reason."""
    groups = {}
    for name, arm in arms.items():
        if not arm.because:
            groups.setdefault(arm.group, []).append(name)
    for group, names in groups.items():
        sizes = [parameters[n] for n in names]
        budgets = {(arms[n].steps, arms[n].rates) for n in names}
        if len(budgets) > 1 or max(sizes) > 1.02 * min(sizes):
            raise ArgumentError(
                f"arms of {slug} {group}".rstrip(),
                expected="rivals with the same steps and rates and, within 2 %, as many parameters",
                got=", ".join(f"{n}: {arms[n].steps} steps, {parameters[n]} parameters" for n in names),
                hint='match them, or say why in Arm(because="...")',
            )


def train(row, seed, rates, only=None):
    """Fit and measure the arms (or those in `only`) at `seed` with a learning rate each; returns a Run."""
    start = time.perf_counter()
    world = row.world(seed)
    arms = row.arms(world)
    built = {name: arm.build(np.random.default_rng(seed)) for name, arm in arms.items()}
    parameters = {name: m.n_parameters() if isinstance(m, Module) else 0 for name, m in built.items()}
    check_fair(row.slug, arms, parameters)
    models, measured = {}, {}
    for name, arm in arms.items():
        if only is None or name in only:
            label = f"{row.slug}: {name}, seed {seed}"
            models[name] = row.fit(arm, world, rates.get(name, arm.rates[0]), seed, label)
            measured[name] = {k: float(v) for k, v in row.measure(models[name], world, arm).items()}
    return Run(row, seed, world, models, measured, parameters, time.perf_counter() - start)


def choose_rates(row):
    """{arm: learning rate} by the mean of `choose` over the tuning seeds, and the table behind the choice.

    Between equals the rate that the arm names first wins. Arms that offer a single rate are not trained.
    """
    metric, sign = row.paper.choose.lstrip("-"), -1 if row.paper.choose.startswith("-") else 1
    arms = row.arms(row.world(row.paper.tune[0]))
    table = {}
    for i in range(max(len(arm.rates) for arm in arms.values())):
        rates = {name: arm.rates[i] for name, arm in arms.items() if len(arm.rates) > max(i, 1)}
        for seed in row.paper.tune if rates else ():
            for name, m in train(row, seed, rates, only=rates).measured.items():
                table.setdefault(name, {}).setdefault(str(rates[name]), []).append(m[metric])
    best = {name: arm.rates[0] for name, arm in arms.items()}
    for name, scores in table.items():
        best[name] = float(max(scores, key=lambda rate: sign * sum(scores[rate])))
    return best, table
