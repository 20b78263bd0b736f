"""What the translators must learn, at a seed that no table reports."""

import numpy as np
import pytest

from minattn.models import Bahdanau, Luong, Plain, Transformer
from minattn.nn.optim import Adam
from minattn.training import fit, schedules
from minattn.worlds import parallel
from minattn.worlds.language import bucketed_batch, pad

STEPS, LONG = 600, 12  # words


@pytest.fixture(scope="module")
def world():
    corpus = parallel.translation(100)
    return corpus, corpus.ids(corpus.train), corpus.ids(corpus.test)


@pytest.mark.claims
@pytest.mark.parametrize(
    "make, lr, exact, error",
    [
        (Luong, 1e-2, 0.79, 0.05),
        (Bahdanau, 1e-2, 0.79, 0.2),
        (Transformer, 5e-3, 0.79, 0.05),
        (Plain, 1e-2, 0, 1),
    ],
)
def test_attention_translates_long_sentences_and_nothing_else_does(world, make, lr, exact, error):
    corpus, train, test = world
    rng = np.random.default_rng(100)
    model = make(len(corpus.source_vocabulary), len(corpus.target_vocabulary), rng=rng)

    def batch(rng):
        sources, targets = zip(*bucketed_batch(train, 48, rng))
        return {"source": pad(sources)[0], "target": pad(targets)[0]}

    fit(
        model, batch, lambda m, b: m.loss(**b), Adam(model.parameters(), lr=lr),
        steps=STEPS, schedule=schedules.cosine(STEPS, warmup=30), clip=5.0, seed=100, progress=False,
    )  # fmt: skip
    sources, targets = (pad(part)[0] for part in zip(*test))
    answers = model.translate(sources)
    right = [a == t[:-1] for a, (s, t) in zip(answers, test) if len(s) > LONG]
    if make is Plain:
        assert np.mean(right) == 0
        return
    assert np.mean(right) >= exact
    maps = model.alignments(sources, targets)
    wrong = [
        (t, int(row.argmax())) not in pair.links
        for map_, pair in zip(maps, corpus.test)
        for t, row in enumerate(map_[: len(pair.target)])
    ]
    assert np.mean(wrong) <= error
