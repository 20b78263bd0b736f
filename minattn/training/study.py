"""Compare ways to do the same thing, fairly.

Arms that are compared get the same data and steps, the same choice of learning rates and, within 2 %, the
same number of parameters. Each arm chooses its rate on other seeds than those that are reported.

    arms = {"dot": Arm(build_dot, 600, (3e-3, 1e-2)), "none": Arm(build_none, 600, (3e-3, 1e-2))}
    result = study(arms, train, seeds=(0, 1, 2), choose="accuracy")
    result.mean("dot", "accuracy"), result.spread("dot", "accuracy")
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..errors import ArgumentError


@dataclass(frozen=True)
class Arm:
    """One way to solve a task.

    build    rng -> untrained model
    steps    training steps
    rates    learning rates that it may choose from
    group    arms of one group are rivals: same steps, rates and data, and parameters within 2 %
    because  why this arm may differ from its rivals, in words
    settings what training and measuring need to know about this arm
    data     how many examples it may learn from; 0 where they are drawn anew at each step
    """

    build: Callable
    steps: int
    rates: tuple
    group: str = ""
    because: str = ""
    settings: dict = field(default_factory=dict)
    data: int = 0


@dataclass(frozen=True)
class Study:
    """What came out.

    measured    {arm: {metric: [one number a seed]}}
    rates       {arm: chosen learning rate}
    parameters  {arm: number of parameters}
    because     {arm: why it may differ from its rivals, or ""}
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


def study(arms, train, *, seeds, choose, tune=(100, 101), smaller_is_better=False):
    """Train and measure every arm on every seed; returns a Study.

    arms    {name: Arm}
    train   (arm, lr, seed) -> {metric: number}: builds arm.build(rng), trains it, measures it
    seeds   seeds that are reported
    choose  metric by which each arm keeps one of its rates, by the mean over the seeds `tune`
    Raises ArgumentError where arms are not comparable and do not say why, or tune and seeds overlap.
    """
    if not arms or not seeds or set(seeds) & set(tune):
        raise ArgumentError(
            "study(arms, train, seeds=...)",
            expected="arms, seeds, and seeds for tuning that are not reported",
            got=f"{len(arms)} arms, seeds {seeds}, tune {tune}",
            hint="seeds=(0, 1, 2), tune=(100, 101)",
        )
    parameters = {
        name: arm.build(np.random.default_rng(seeds[0])).n_parameters() for name, arm in arms.items()
    }
    check_fair("study", arms, parameters)

    def score(name, lr, seed):
        return train(arms[name], lr, seed)[choose]

    best, _ = choose_rates(arms, score, tune, smaller_is_better)
    measured = {}
    for name, arm in arms.items():
        runs = [train(arm, best[name], seed) for seed in seeds]
        measured[name] = {metric: [float(run[metric]) for run in runs] for metric in runs[0]}
    return Study(measured, best, parameters, {name: arm.because for name, arm in arms.items()})


def check_fair(where, arms, parameters):
    """Raise ArgumentError unless rivals without a `because` agree in steps, rates, data and parameters (2 %).

    where       who asks, for the error
    parameters  {arm: number of parameters}
    """
    groups = {}
    for name, arm in arms.items():
        if not arm.rates:
            raise ArgumentError(
                f"{where}: {name}", expected="a learning rate", got="none", hint="rates=(0.01,)"
            )
        if not arm.because:
            groups.setdefault(arm.group, []).append(name)
    for group, names in groups.items():
        sizes = [parameters[name] for name in names]
        budgets = {(arms[name].steps, arms[name].rates, arms[name].data) for name in names}
        if len(budgets) > 1 or max(sizes) > 1.02 * min(sizes):
            raise ArgumentError(
                f"{where}: arms {group}".rstrip(),
                expected="the same steps, rates and data and, within 2 %, the same number of parameters",
                got=", ".join(
                    f"{n}: {a.steps} steps, rates {a.rates}, {a.data} examples, {parameters[n]} parameters"
                    for n, a in ((name, arms[name]) for name in names)
                ),
                hint='match them, or say why in Arm(because="...")',
            )


def choose_rates(arms, score, tune, smaller_is_better=False):
    """{arm: its best learning rate by the mean over the seeds `tune`}, and {arm: {rate: [score a seed]}}.

    score   (arm's name, lr, seed) -> number
    Between equals the rate that the arm names first wins; an arm with one rate is not trained.
    """
    table = {
        name: {lr: [float(score(name, lr, seed)) for seed in tune] for lr in arm.rates}
        for name, arm in arms.items()
        if len(arm.rates) > 1
    }
    best = {name: arm.rates[0] for name, arm in arms.items()}
    for name, scores in table.items():
        better = min if smaller_is_better else max
        best[name] = better(scores, key=lambda lr: statistics.fmean(scores[lr]))
    return best, table
