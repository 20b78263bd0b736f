"""The training loop: draw a batch, measure the loss, follow its gradient; again and again."""

import contextlib
import math
import numbers
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..autodiff import Tensor
from ..backends import blas_threads
from ..errors import ArgumentError, DTypeError
from ..nn.optim import clip_grad_norm
from . import checkpoints
from .checks import check_batch, check_number, check_parts
from .history import History
from .interrupts import held_back
from .progress import progress_line

SMALL = 500_000  # parameters; below, one thread multiplies the small matrices faster than two


@dataclass(frozen=True)
class Options:
    """The settings of `fit` that have a default.

    schedule    step -> factor of the learning rate (see schedules), default always 1
    clip        longest gradient; longer ones are shortened to it
    seed        of the generator that `batch` gets
    label       name of the run, for the progress line, errors and the checkpoint
    checkpoint  a file, written after every `every` steps, at the end and at Ctrl-C
    progress    False: no progress line
    Raises ArgumentError for a number out of range.
    """

    schedule: Callable = None
    clip: float = None
    seed: int = 0
    label: str = ""
    checkpoint: str = None
    every: int = 100
    progress: bool = True

    def __post_init__(self):
        check_number("every", self.every, 1)
        check_number("seed", self.seed, 0)
        if self.clip is not None:
            check_number("clip", self.clip, 0, numbers.Real)


def fit(model, batch, loss, optimiser, *, steps, **options):
    """Train `model` for `steps` steps; returns the History.

        fit(model, batch, loss, optimiser, steps=600, schedule=None, clip=None, seed=0,
            label="", checkpoint=None, every=100, progress=True)

    batch       rng -> dict of arrays; must draw from nothing but this generator
    loss        (model, batch) -> tensor with one element
    optimiser   made with the model's parameters and the full learning rate
    options     see `Options`
    If the file `checkpoint` is there at the start, the run goes on from it and ends with the very bits that a
    run in one go ends with. Ctrl-C waits for the step to end, saves, and raises KeyboardInterrupt.
    Raises ArgumentError where arguments, batch or loss are not fit for training (a loss that is not finite
    comes with its step), CheckpointError for a file that is damaged or of another run, OutputError where none
    can be written.
    """
    check_parts(model, batch, loss, optimiser)
    check_number("steps", steps, 0)
    if unknown := options.keys() - Options.__dataclass_fields__.keys():
        raise ArgumentError(
            "fit(..., **options)",
            expected="options among " + ", ".join(Options.__dataclass_fields__),
            got=", ".join(sorted(unknown)),
            hint="help(fit)",
        )
    trainer = _Trainer(model, batch, loss, optimiser, Options(**options))
    trainer.run(steps)
    return trainer.history


class _Trainer:
    """What changes while a model is trained."""

    def __init__(self, model, batch, loss, optimiser, options):
        self.model, self.batch, self.loss, self.optimiser = model, batch, loss, optimiser
        self.options, self.rate, self.done, self.history = options, optimiser.lr, 0, History()
        self.rng = np.random.default_rng(options.seed)
        self.rngs = checkpoints.generators(model, self.rng)

    def run(self, steps):
        options = self.options
        facts = self.facts(steps)
        if options.checkpoint is not None and Path(options.checkpoint).exists():
            self.done, self.history = checkpoints.load(
                options.checkpoint, self.model, self.optimiser, rngs=self.rngs, run=facts
            )
        self.model.train()
        with contextlib.ExitStack() as stack:
            stack.callback(setattr, self.optimiser, "lr", self.rate)
            stack.enter_context(blas_threads(1 if self.model.n_parameters() < SMALL else None))
            tell = stack.enter_context(progress_line(options.label, steps, self.done, options.progress))
            interrupt = stack.enter_context(held_back())
            while self.done < steps:
                self.step(facts)
                tell(self.done, self.history.losses[-1])
                if interrupt.pending or self.done == steps or self.done % options.every == 0:
                    self.save(facts)
                if interrupt.pending:
                    raise KeyboardInterrupt

    def step(self, facts):
        """One batch, one gradient, one move."""
        start, before = time.perf_counter(), checkpoints.states_of(self.rngs)
        schedule, clip = self.options.schedule, self.options.clip
        self.optimiser.lr = self.rate * (1.0 if schedule is None else schedule(self.done))
        try:
            value = self.gradient()
        except KeyboardInterrupt:  # came out of batch or loss: no parameter has moved yet
            checkpoints.restore(self.rngs, before)
            self.save(facts)
            raise
        norm = clip_grad_norm(self.optimiser.parameters, math.inf if clip is None else clip)
        self.optimiser.step()
        self.history.add(loss=value, norm=norm, lr=self.optimiser.lr, seconds=time.perf_counter() - start)
        self.done += 1

    def gradient(self):
        """Leave the gradient of one batch in the parameters; returns the loss."""
        where = f"{self.options.label or 'fit'}, step {self.done}"
        batch = self.batch(self.rng)
        check_batch(where, batch)
        self.optimiser.zero_grad()
        loss = self.loss(self.model, batch)
        if not isinstance(loss, Tensor):
            got = type(loss).__name__
            raise DTypeError(
                where, expected="loss(model, batch) -> Tensor", got=got, hint="no .item() in the loss"
            )
        value = loss.item() if loss.size == 1 else 0.0
        if not math.isfinite(value):
            raise ArgumentError(
                where,
                expected="a finite loss",
                got=value,
                hint=f"a learning rate below {self.rate:g}, a warm-up, or clip=1.0; look for log(0) and 0/0",
            )
        loss.backward()
        return value

    def save(self, facts):
        if self.options.checkpoint is not None:
            kept = {"step": self.done, "history": self.history, "rngs": self.rngs, "run": facts}
            checkpoints.save(self.options.checkpoint, self.model, self.optimiser, **kept)

    def facts(self, steps):
        """What a file must say about its run for this run to go on from it."""
        settings = {k: v for k, v in vars(self.optimiser).items() if isinstance(v, (int, float, tuple))}
        del settings["steps"]  # counts up while training
        mine = {
            "label": self.options.label,
            "steps": steps,
            "seed": self.options.seed,
            "clip": self.options.clip,
        }
        return {**mine, "optimiser": type(self.optimiser).__name__, **settings}
