"""The tasks of the survey's row, and how each kind of model is asked and answers."""

from functools import partial

import numpy as np

from ...autodiff import ops
from ...decoding import greedy
from ...models import PointerNetwork
from ...nn import Embedding, Linear, Module
from ...worlds import recall

FIRST = 3  # smaller ids are padding, begin and end of a sentence
LAGS = (10, 20, 40)
DRAW = {f"lag {lag}": partial(recall.remember, lag=lag) for lag in LAGS}
DRAW |= {"reversal": recall.reverse, "sorting": recall.sort}


class Reader(Module):
    """Reads a text with a recurrent layer and answers from its last state."""

    def __init__(self, layer, n_hidden, rng, **options):
        self.embed, self.layer = Embedding(17, 8, rng=rng), layer(8, n_hidden, rng=rng, **options)
        self.answer = Linear(n_hidden, 8, rng=rng)

    def forward(self, inputs):
        return self.answer(self.layer(self.embed(inputs))[0][:, -1])

    def loss(self, inputs, targets):
        return ops.cross_entropy(self.forward(inputs), targets)


def asked(model, batch, answer):
    """What the model's loss wants to know: words as ids from FIRST on, 0 where padding."""
    if isinstance(model, Reader):
        return dict(inputs=batch["inputs"], targets=batch["targets"])
    if isinstance(model, PointerNetwork):
        return dict(inputs=batch["inputs"], places=batch["attend"], valid=batch["valid"])
    pairs = dict(source=batch["inputs"], target=batch[answer])
    return {k: np.where(batch.get("valid", True), ids + FIRST, 0) for k, ids in pairs.items()}


def answered(model, batch, answer):
    """What the model says itself, in the numbers of `batch[answer]`."""
    given = asked(model, batch, answer)
    if isinstance(model, Reader):
        return model(given["inputs"]).numpy().argmax(-1)
    if isinstance(model, PointerNetwork):
        return model.point(given["inputs"], given["valid"])
    begin, length = np.ones(len(given["source"]), int), given["target"].shape[1]
    return np.array(greedy(model.stepper(given["source"]), begin, end=None, max_len=length)) - FIRST
