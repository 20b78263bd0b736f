"""Train the arms of a row, measure them, and choose their learning rates."""

import time
from dataclasses import dataclass

import numpy as np

from ..nn import Module
from ..training.study import check_fair
from ..training.study import choose_rates as choose
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


def train(row, seed, rates, only=None):
    """Fit and measure the arms (or those in `only`) at `seed` with a learning rate each; returns a Run.

    Raises ArgumentError where rivals are not comparable and do not say why.
    """
    clocks = time.perf_counter(), time.process_time()
    world = row.world(seed)
    arms, models, measured = row.arms(world), {}, {}
    parameters = sizes(arms, seed)
    check_fair(row.slug, arms, parameters)
    for name in arms if only is None else only:
        models[name], measured[name] = _fit(row, world, name, rates.get(name, arms[name].rates[0]), seed)
    # Other programs make the wall clock slow, threads the processor's clock: the smaller is nearer the truth.
    seconds = min(time.perf_counter() - clocks[0], time.process_time() - clocks[1])
    return Run(row, seed, world, models, measured, parameters, seconds)


def sizes(arms, seed):
    """{arm: number of parameters}, 0 for what is not a Module."""
    built = {name: arm.build(np.random.default_rng(seed)) for name, arm in arms.items()}
    return {name: model.n_parameters() if isinstance(model, Module) else 0 for name, model in built.items()}


def choose_rates(row):
    """{arm: learning rate} by the paper's `choose`, a mean over its tuning seeds, and the scores behind it.

    With a minus before its name, the metric is made small.
    """
    paper = row.paper
    worlds = {seed: row.world(seed) for seed in paper.tune}

    def score(name, lr, seed):
        return _fit(row, worlds[seed], name, lr, seed)[1][paper.choose.lstrip("-")]

    arms = row.arms(worlds[paper.tune[0]])
    return choose(arms, score, paper.tune, smaller_is_better=paper.choose.startswith("-"))


def _fit(row, world, name, lr, seed):
    """(trained model, what was measured) of one arm."""
    arm = row.arms(world)[name]
    model = row.fit(arm, world, lr, seed, f"{row.slug}: {name}, seed {seed}")
    return model, {metric: float(value) for metric, value in row.measure(model, world, arm).items()}
