"""Train the same tiny transformer with one mixer after the other, and measure what each buys.

Every mixer gets the same data, steps and choice of learning rates, chosen on seeds 100 and 101; the numbers
that are reported come from other seeds.
"""

import time
from dataclasses import dataclass

import numpy as np

from ..attention import Sinusoidal
from ..errors import ArgumentError
from ..models import TinyTransformer
from ..nn.optim import AdamW
from ..training import Arm, fit, study
from ..training.schedules import cosine
from .candidates import D_MODEL, N_HEADS, chosen, costs
from .tasks import Task, find

FACTORS, RATES, TUNE, BATCH = (1, 2, 4, 8, 16), (3e-3, 1e-2), (100, 101), 32
TEST = {1: 512, 2: 512, 4: 256, 8: 128, 16: 64}  # sequences at each length factor


@dataclass(frozen=True)
class Comparison:
    """What came out.

    name, task, steps  the task, and how long was trained
    study              accuracy at "1x" .. "16x" and training seconds of each mixer and seed
    state, cost        {mixer: {length: floats, or multiply-adds of one more token}}, None where not said
    seeds              the seeds that are reported
    """

    name: str
    task: Task
    steps: int
    study: object
    state: dict
    cost: dict
    seeds: tuple

    def rows(self):
        """A dict for each mixer: what the table, the file and the pictures show."""
        at = self.task.length
        return [
            {
                "mixer": name,
                "accuracy": self.study.mean(name, "1x"),
                "spread": self.study.spread(name, "1x"),
                "by length": {f: self.study.mean(name, f"{f}x") for f in FACTORS},
                "parameters": self.study.parameters[name],
                "state floats": self.state[name] and self.state[name][at],
                "multiply-adds a token": self.cost[name] and self.cost[name][at],
                "seconds": self.study.mean(name, "seconds"),
                "rate": self.study.rates[name],
            }
            for name in self.study.measured
        ]

    def to_dict(self):
        """Everything as plain numbers, for JSON."""
        return {
            "task": self.name,
            "title": self.task.title,
            "length": self.task.length,
            "steps": self.steps,
            "layers": self.task.n_layers,
            "seeds": list(self.seeds),
            "mixers": self.rows(),
            "measured": self.study.measured,
            "state": self.state,
            "cost": self.cost,
        }


def compare(task, mixers, seeds=(0, 1, 2), *, steps=None, rates=RATES, tell=None):
    """Train and measure `mixers` on `task`; returns a Comparison.

    task    a name among TASKS
    mixers  names of the registry, "all", or files of yours as "mine.py:MyMixer"
    seeds   seeds to report, none of them 100 or 101
    steps   training steps, default those of the task
    rates   learning rates that each mixer may choose from
    tell    called as tell(text, steps) while it works: what happens now, and how many steps are done
    A training whose loss does not stay finite counts as accuracy 0: another rate may do better.
    Raises ArgumentError, before any training, for an unknown task or mixer, and for a mixer that looks ahead.
    """
    found, makes = find(task), chosen(mixers)
    steps = found.steps if steps is None else steps
    if steps < 1 or not rates:
        raise ArgumentError(
            "compare", expected="a step and a rate or more", got=(steps, rates), hint="steps=300"
        )
    arms = {label: _arm(found, make, steps, tuple(rates), label) for label, make in makes.items()}

    def train(arm, lr, seed):
        return _trained(found, arm, lr, seed, tell or (lambda text, steps: None))

    result = study(arms, train, seeds=tuple(seeds), choose="1x", tune=TUNE)
    lengths = [found.length * factor for factor in FACTORS]
    said = {label: costs(make, found.n_layers, lengths) for label, make in makes.items()}
    state, cost = ({label: both[i] for label, both in said.items()} for i in (0, 1))
    return Comparison(task, found, steps, result, state, cost, tuple(seeds))


def total_steps(task, mixers, seeds, steps=None, rates=RATES):
    """How many training steps `compare` will take with these arguments, for a progress bar."""
    steps = steps or find(task).steps
    trained = len(seeds) + (len(TUNE) * len(rates) if len(rates) > 1 else 0)
    return len(chosen(mixers)) * trained * steps


def _arm(task, make, steps, rates, label):
    def build(rng):
        mixers = [make(D_MODEL, N_HEADS, rng=rng) for _ in range(task.n_layers)]
        positions = Sinusoidal(D_MODEL) if task.positions else None
        return TinyTransformer(
            task.channels, task.n_answers, mixers, d_model=D_MODEL, positions=positions, rng=rng
        )

    because = "mixers are compared as they are, with their sizes beside them"
    return Arm(build, steps, rates, because=because, settings={"label": label})


def _trained(task, arm, lr, seed, tell):
    """Accuracy at every length (at 1x alone while rates are chosen), and seconds of training."""
    model, label, start = arm.build(np.random.default_rng(seed)), arm.settings["label"], time.perf_counter()
    tell(f"{label}, seed {seed}, rate {lr:g}", 0)

    def loss(model, batch):
        tell(None, 1)
        return model.loss(batch)

    schedule = cosine(arm.steps, warmup=min(30, arm.steps // 3))
    options = dict(schedule=schedule, clip=1.0, seed=seed, label=label, progress=False)
    optimiser = AdamW(model.parameters(), lr=lr)
    try:
        fit(model, lambda rng: task.draw(rng, BATCH, 1), loss, optimiser, steps=arm.steps, **options)
        finite = True
    except ArgumentError as error:
        if error.expected != "a finite loss":
            raise
        finite = False
    seconds, draw = time.perf_counter() - start, task.test or task.draw
    factors = FACTORS[:1] if seed in TUNE else FACTORS
    right = {f"{f}x": accuracy(model.eval(), draw, f, seed) if finite else 0.0 for f in factors}
    return right | {"seconds": seconds}


def accuracy(model, draw, factor, seed):
    """Share of right answers at a length factor, over as many sequences as TEST says, a few at a time."""
    rng, piece = np.random.default_rng([seed, 1, factor]), min(TEST[factor], max(4, 64 // factor))
    right = asked = 0
    for _ in range(TEST[factor] // piece):
        batch = draw(rng, piece, factor)
        n = batch["asked"].sum()
        right, asked = right + n * model.accuracy(batch), asked + n
    return float(right / asked)
