"""A small language model on the Python reference, beside n-gram rulers, and a sample from it."""

import time
from dataclasses import dataclass

import numpy as np

from .. import decoding, metrics, models, training
from ..autodiff import no_grad, ops
from ..nn.optim import AdamW
from ..worlds import real

SHORT, LONG = 450, 6000  # training steps: some 15 seconds, three minutes and more
WINDOW = 64
HALF = WINDOW // 2


@dataclass(frozen=True)
class Text:
    """The characters, and the text as ids."""

    characters: real.CharVocabulary
    train: np.ndarray
    held_out: np.ndarray

    @classmethod
    def load(cls):
        text = real.load()
        characters = real.CharVocabulary(text)
        return cls(characters, *real.split(characters.encode(text)))


@dataclass(frozen=True)
class Result:
    """What the language model reached."""

    parameters: int
    bits: float  # bits per character on held-out text
    rulers: dict  # order -> bits per character of an n-gram model
    losses: list
    seconds: float
    sample: str
    speed: float  # characters a second while sampling


def train(text, seed, steps, prompt="The ", letters=240):
    """Train, measure on held-out windows, and sample with the key-value cache."""
    model = models.gpt(
        len(text.characters), d_model=64, n_heads=4, n_layers=3, rng=np.random.default_rng(seed)
    )
    start = time.perf_counter()
    history = training.fit(
        model,
        lambda rng: real.batch(text.train, rng, 16, WINDOW),
        lambda model, batch: model.loss(batch["inputs"], batch["targets"]),
        AdamW(model.parameters(), lr=5e-3),
        steps=steps,
        schedule=training.schedules.cosine(steps, warmup=min(20, steps // 4)),
        clip=1.0,
        seed=seed,
        label="language model",
    )
    seconds = time.perf_counter() - start
    rulers = {
        order: metrics.NGram(order=order, n_symbols=len(text.characters))
        .fit(text.train)
        .bits_per_character(text.held_out)
        for order in range(1, 6)
    }
    start = time.perf_counter()
    sample = write(model, text.characters, prompt, letters, np.random.default_rng(seed))
    speed = letters / (time.perf_counter() - start)
    return Result(
        model.n_parameters(),
        bits(model, text.held_out),
        rulers,
        list(history.losses),
        seconds,
        prompt + sample,
        speed,
    )


def bits(model, ids):
    """Bits per character over `ids`, each character predicted from HALF or more before it."""
    starts = range(0, len(ids) - WINDOW - 1, HALF)
    rows = np.stack([ids[i : i + WINDOW + 1] for i in starts])
    nats = []
    model.eval()
    with no_grad():
        for part in np.array_split(rows, max(len(rows) // 64, 1)):
            logits = model(part[:, :-1])[:, -HALF:]
            nats.append(ops.cross_entropy(logits, part[:, -HALF:]).item() * len(part))
    return sum(nats) / len(rows) / np.log(2)


def write(model, characters, prompt, letters, rng):
    """Continue `prompt` by `letters` characters."""
    step = model.stepper()
    ids = characters.encode(prompt)[None]
    written = decoding.sample(step, ids, max_len=letters, rng=rng, temperature=0.8)
    return characters.decode(written[0])
