"""The tasks on which mixers are compared, each a world of minattn.worlds in one common form.

A task is drawn at length factor 1 for training, at 1, 2, 4, 8 and 16 for testing: more noise, more writes,
more documents. The facts that are asked for grow only where the task says so.
"""

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from ..worlds import counting, documents, facts, induction, real, recall


@dataclass(frozen=True)
class Task:
    """One task.

    title      what is asked, in a line
    channels   sizes of the vocabularies, one for each channel of a token
    n_answers  classes of the answer
    draw       (rng, batch, factor) -> dict of inputs (B,T,C), targets (B,T), asked (B,T) boolean
    length     tokens at factor 1
    steps      training steps
    n_layers   blocks of the tiny transformer
    positions  whether sinusoidal positions are added to the embeddings
    test       as draw, for testing; None: draw
    """

    title: str
    channels: tuple
    n_answers: int
    draw: Callable
    length: int
    steps: int = 300
    n_layers: int = 1
    positions: bool = False
    test: Callable = None


def _last(inputs, targets):
    """Only the last token is asked: inputs (B,T,C), targets (B,)."""
    asked = np.zeros(inputs.shape[:2], dtype=bool)
    asked[:, -1] = True
    return dict(inputs=inputs, targets=asked * targets[:, None], asked=asked)


def mqar():
    def draw(rng, batch, factor):
        return facts.mqar(rng, batch, length=64 * factor)

    return Task("16 facts among fillers, then 16 questions", (72, 17), 16, draw, 64)


def passkey():
    def draw(rng, batch, factor):
        return facts.passkey(rng, batch, length=64 * factor)

    return Task("six facts in noise, one question at the end", (24, 9), 8, draw, 64, steps=600)


def overwrite_recall():
    def draw(rng, batch, factor):
        return facts.overwrite(rng, batch, n_writes=24 * factor)

    title = "keys are written again and again; what was written last?"
    return Task(title, (12, 9), 8, draw, 30, positions=True)


def multi_document():
    def draw(rng, batch, factor):
        return documents.multi_document(rng, batch, n_documents=4 * factor)

    return Task("the same keys in several documents: whose value?", (64, 8, 9), 8, draw, 24, steps=600)


def selective_copy():
    def draw(rng, batch, factor):
        drawn = recall.selective_copy(rng, batch, length=32 * factor, n_data=4)
        data, answers = drawn["inputs"], drawn["targets"]
        inputs = np.zeros((batch, data.shape[1] + 4, 2), dtype=np.int64)
        inputs[:, :-4, 0], inputs[:, -4:, 0] = data, 8
        inputs[:, -4:, 1] = np.arange(1, 5)  # "say the first", "say the second", ..
        targets = np.zeros(inputs.shape[:2], dtype=np.int64)
        targets[:, -4:] = answers
        asked = np.broadcast_to(inputs[:, :, 1] > 0, targets.shape).copy()
        return dict(inputs=inputs, targets=targets, asked=asked)

    return Task("say the four symbols between blanks, in order", (9, 5), 8, draw, 36, 600, 2)


def flip_flop():
    def draw(rng, batch, factor):
        drawn = counting.flip_flop(rng, batch, length=32 * factor)
        inputs = np.stack([drawn["instructions"], drawn["values"]], axis=-1)
        return dict(inputs=inputs, targets=drawn["targets"], asked=drawn["valid"])

    return Task("write, ignore, read: what was written last?", (3, 3), 2, draw, 32, positions=True)


def count():
    def draw(rng, batch, factor):
        drawn = counting.count(rng, batch, length=24 * factor)
        return _last(drawn["inputs"][:, :, None], drawn["targets"])

    return Task("count up, reset: how far is the counter?", (7,), 11, draw, 25, 600, 2)


def kth_last():
    def draw(rng, batch, factor):
        drawn = counting.kth_last(rng, batch, length=32 * factor, p_mark=0.25 / factor)
        inputs = np.stack([drawn["inputs"], drawn["marked"].astype(np.int64)], axis=-1)
        return _last(inputs, drawn["targets"])

    return Task("the value of the k-th last marked token", (14, 2), 10, draw, 33, 600, 2)


def induced():
    def draw(rng, batch, factor):
        drawn = induction.induction(rng, batch, length=32 * factor)
        return dict(drawn, inputs=drawn["inputs"][:, :, None])

    return Task("what followed this symbol the last time?", (16,), 16, draw, 32, 600, 2, positions=True)


@functools.cache
def char_lm():
    text = real.load()
    names = real.CharVocabulary(text)
    train, held_out = map(names.encode, real.split(text))

    def window(ids, rng, batch, factor):
        drawn = real.batch(ids, rng, batch, 64 * factor)
        asked = np.ones(drawn["targets"].shape, dtype=bool)
        return dict(inputs=drawn["inputs"][:, :, None], targets=drawn["targets"], asked=asked)

    return Task(
        "the next character of the Python reference, on held-out text",
        (len(names),),
        len(names),
        functools.partial(window, train),
        64,
        n_layers=2,
        positions=True,
        test=functools.partial(window, held_out),
    )


TASKS = {
    "mqar": mqar,
    "selective-copy": selective_copy,
    "flip-flop": flip_flop,
    "counting": count,
    "kth-last": kth_last,
    "induction": induced,
    "passkey": passkey,
    "needle": passkey,
    "overwrite-recall": overwrite_recall,
    "multi-document": multi_document,
    "char-lm": char_lm,
}


def find(name):
    """The Task of that name. Raises ArgumentError, with near matches, where there is none."""
    if name not in TASKS:
        near = difflib.get_close_matches(str(name), TASKS, n=1) or ["mqar"]
        raise ArgumentError(
            f"task {name!r}", expected="one of " + ", ".join(TASKS), got=name, hint=f"--task {near[0]}"
        )
    return TASKS[name]()
