"""Four translators on one parallel world, measured against the truth that the world knows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .. import metrics, models, training
from ..nn.optim import Adam
from ..worlds import parallel
from ..worlds.language import bucketed_batch, pad

LONG = 12  # words from which on a sentence counts as long
GROUPS = ((10, 11), (12, 13), (14, 16))  # source words


@dataclass(frozen=True)
class World:
    """The corpus, its sentences as ids, and the yardstick."""

    corpus: parallel.Corpus
    train: list
    test: list
    yardstick: float  # alignment error rate of IBM Model 1

    @classmethod
    def make(cls, seed):
        corpus = parallel.translation(seed)
        pairs = [(source[:-1], target[:-1]) for source, target in corpus.ids(corpus.train + corpus.test)]
        ibm = metrics.IBM1(
            n_source=len(corpus.source_vocabulary), n_target=len(corpus.target_vocabulary)
        ).fit(pairs)
        found = [ibm.align(*pair) for pair in pairs[len(corpus.train) :]]
        return cls(
            corpus,
            corpus.ids(corpus.train),
            corpus.ids(corpus.test),
            metrics.aer(found, [p.links for p in corpus.test]),
        )

    @property
    def example(self):
        """The place of the shortest test sentence, which is shown."""
        return min(range(len(self.corpus.test)), key=lambda i: len(self.corpus.test[i].source))

    def batch(self, rng):
        """48 sentences of similar length, padded."""
        source, target = zip(*bucketed_batch(self.train, 48, rng))
        return {"source": pad(source)[0], "target": pad(target)[0]}


@dataclass(frozen=True)
class Arm:
    """One translator: how it is built and how fast it learns (chosen on seeds 100 and 101)."""

    name: str
    build: Callable
    lr: float


ARMS = (
    Arm("no attention", lambda s, t, rng: models.Plain(s, t, d_decoder=64, rng=rng), 1e-2),
    Arm("Bahdanau", lambda s, t, rng: models.Bahdanau(s, t, rng=rng), 1e-2),
    Arm("Luong", lambda s, t, rng: models.Luong(s, t, rng=rng), 1e-2),
    Arm("transformer", lambda s, t, rng: models.Transformer(s, t, rng=rng), 6e-3),
)


@dataclass
class Result:
    """What one translator reached."""

    name: str
    parameters: int
    exact: dict = field(default_factory=dict)  # group of lengths -> share of sentences translated exactly
    bleu: dict = field(default_factory=dict)
    long: float = 0.0  # exact match on sentences of LONG words and more
    aer: float | None = None
    maps: list = field(default_factory=list)  # one (T, S) attention map a test sentence, or none
    losses: list = field(default_factory=list)
    seconds: float = 0.0


def train(world, arm, seed, steps):
    """Train one translator and measure it on the test sentences."""
    corpus = world.corpus
    model = arm.build(
        len(corpus.source_vocabulary), len(corpus.target_vocabulary), np.random.default_rng(seed)
    )
    start = time.perf_counter()
    history = training.fit(
        model,
        world.batch,
        lambda model, batch: model.loss(batch["source"], batch["target"]),
        Adam(model.parameters(), lr=arm.lr),
        steps=steps,
        schedule=training.schedules.cosine(steps, warmup=min(30, steps // 4)),
        clip=5.0,
        seed=seed,
        label=arm.name,
    )
    result = Result(
        arm.name, model.n_parameters(), seconds=time.perf_counter() - start, losses=list(history.losses)
    )
    measure(world, model, result)
    return result


def measure(world, model, result):
    """Fill in exact match and BLEU by sentence length, and the alignment error rate of the attention map."""
    source, target = (pad(part)[0] for part in zip(*world.test))
    answers = model.translate(source)
    right = [list(answer) == pair[1][:-1] for answer, pair in zip(answers, world.test)]
    lengths = np.array([len(pair[0]) - 1 for pair in world.test])
    result.long = float(np.mean([r for r, n in zip(right, lengths) if n >= LONG]))
    for low, high in GROUPS:
        rows = np.flatnonzero((lengths >= low) & (lengths <= high))
        result.exact[low, high] = float(np.mean([right[i] for i in rows]))
        result.bleu[low, high] = metrics.bleu(
            [list(answers[i]) for i in rows], [world.test[i][1][:-1] for i in rows]
        )
    if model.aligner is None:
        return
    pairs = world.corpus.test
    weights = model.alignments(source, target)
    result.maps = [w[: len(p.target), : len(p.source)] for w, p in zip(weights, pairs)]
    result.aer = metrics.aer([metrics.argmax_links(m) for m in result.maps], [p.links for p in pairs])
