"""Compare ways to do the same thing, fairly.

Arms that are compared get the same data and steps, the same choice of learning rates and, within 2 %, the
same number of parameters. Rates are chosen on other seeds than those that are reported.

    result = study(arms, train, rates=(3e-3, 1e-2), seeds=(0, 1, 2), choose="accuracy")
    result.mean("dot", "accuracy"), result.spread("dot", "accuracy")
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError


@dataclass(frozen=True)
class Arm:
    """One way.

    build    rng -> untrained model
    steps    training steps
    data     how many examples it may learn from
    because  why this arm may differ from the others
    """

    build: Callable
    steps: int
    data: int = 0
    because: str = ""


@dataclass(frozen=True)
class Study:
    """What came out.

    measured    {arm: {metric: [one number a seed]}}
    rates       {arm: chosen learning rate}
    parameters  {arm: number of parameters}
    """

    measured: dict
    rates: dict
    parameters: dict
    because: dict

    def mean(self, arm, metric):
        """The mean over seeds."""
        return statistics.fmean(self.measured[arm][metric])

    def spread(self, arm, metric):
        """The standard deviation over seeds, 0 for one seed."""
        values = self.measured[arm][metric]
        return statistics.stdev(values) if len(values) > 1 else 0.0

    def __str__(self):
        rows = []
        for arm, metrics in self.measured.items():
            numbers = ", ".join(f"{m} {self.mean(arm, m):.3f} +- {self.spread(arm, m):.3f}" for m in metrics)
            why = f"  ({self.because[arm]})" if self.because[arm] else ""
            rows.append(f"{arm}: {numbers}  lr {self.rates[arm]:g}, {self.parameters[arm]:,} parameters{why}")
        return "\n".join(rows)


def study(arms, train, *, rates, seeds, choose, tune=(100, 101), smaller_is_better=False):
    """Train and measure every arm on every seed; returns a Study.

    arms    {name: Arm}
    train   (arm, lr, seed) -> {metric: number}: builds arm.build(rng), trains it, measures it
    rates   the learning rates, the same for all arms; each arm keeps its best one
    seeds   seeds that are reported
    choose  metric by which the rate is chosen, by its mean over the seeds `tune`
    Raises ArgumentError where arms are not comparable and do not say why, or tune and seeds overlap.
    """
    if not arms or not rates or not seeds or set(seeds) & set(tune):
        raise ArgumentError(
            "study(arms, train, rates=..., seeds=...)",
            expected="arms, rates and seeds, and seeds for tuning that are not reported",
            got=f"{len(arms)} arms, rates {rates}, seeds {seeds}, tune {tune}",
            hint="seeds=(0, 1, 2), tune=(100, 101)",
        )
    parameters = {
        name: arm.build(np.random.default_rng(seeds[0])).n_parameters() for name, arm in arms.items()
    }
    check_fair("study", arms, parameters)
    best = {
        name: _best_rate(arm, train, rates, tune, choose, smaller_is_better) for name, arm in arms.items()
    }
    measured = {}
    for name, arm in arms.items():
        runs = [train(arm, best[name], seed) for seed in seeds]
        measured[name] = {metric: [float(run[metric]) for run in runs] for metric in runs[0]}
    return Study(measured, best, parameters, {name: arm.because for name, arm in arms.items()})


def check_fair(where, arms, parameters):
    """Raise ArgumentError unless all arms without a `because` agree in steps, data and parameters (2 %)."""
    plain = {name: arm for name, arm in arms.items() if not arm.because}
    sizes = [parameters[name] for name in plain]
    if plain and (len({(a.steps, a.data) for a in plain.values()}) > 1 or max(sizes) > 1.02 * min(sizes)):
        raise ArgumentError(
            f"{where}: arms",
            expected="the same steps and data and, within 2 %, the same number of parameters",
            got=", ".join(
                f"{n}: {a.steps} steps, {a.data} examples, {parameters[n]} parameters"
                for n, a in plain.items()
            ),
            hint='match them, or say why in Arm(because="...")',
        )


def _best_rate(arm, train, rates, tune, choose, smaller_is_better):
    if len(rates) == 1:
        return rates[0]
    sign = -1 if smaller_is_better else 1
    return max(rates, key=lambda lr: sign * statistics.fmean(train(arm, lr, seed)[choose] for seed in tune))
