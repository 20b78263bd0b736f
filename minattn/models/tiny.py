"""The tiny transformer in which mechanisms are compared: everything is the same but the mixer.

x = sum over channels c of E_c[inputs[.., c]]   (+ absolute positions)
x = x + mixer(norm(x));  x = x + feed_forward(norm(x))     for each layer
logits = W norm(x)
"""

import numpy as np

from ..autodiff import no_grad, ops
from ..backends import asnumpy, xp
from ..errors import ArgumentError, ShapeError
from ..nn import Embedding, FeedForward, Linear, Module, RMSNorm
from ..nn.checks import check_sizes


class TinyTransformer(Module):
    """A causal pre-norm transformer over tokens of one or more channels.

    channels   sizes of the vocabularies, one for each channel of a token
    n_answers  classes of the answer
    mixers     a Mixer a layer
    d_ff       width of the feed-forward blocks, or one a layer; 0 leaves a block out
    positions  added to the embeddings (Sinusoidal, LearnedPositions), default none
    """

    def __init__(self, channels, n_answers, mixers, *, d_model=32, d_ff=64, positions=None, rng):
        check_sizes("TinyTransformer", d_model=d_model, n_answers=n_answers)
        self.tables = [Embedding(size, d_model, rng=rng) for size in channels]
        self.positions, self.mixers = positions, list(mixers)
        widths = [d_ff] * len(self.mixers) if np.ndim(d_ff) == 0 else list(d_ff)
        if len(widths) != len(self.mixers):
            raise ArgumentError(
                "TinyTransformer(d_ff=...)",
                expected=f"one width, or {len(self.mixers)}, one a layer",
                got=d_ff,
                hint="0 leaves a block out",
            )
        self.blocks = [FeedForward(d_model, width, rng=rng) if width else None for width in widths]
        self.norms = [RMSNorm(d_model) for part in [*self.mixers, *self.blocks, self] if part is not None]
        self.answer = Linear(d_model, n_answers, rng=rng)

    def forward(self, inputs, valid=None):
        """inputs (B,T,C) integers -> logits (B,T,n_answers)."""
        return self.read(self.embed(inputs), valid)

    def read(self, x, valid=None):
        """Logits (B,T,n_answers) of vectors x (B,T,d_model) in place of embedded tokens: a soft prompt."""
        norms = iter(self.norms)
        for i, mixer in enumerate(self.mixers):
            x = x + mixer(next(norms)(x), valid=valid)
            if self.blocks[i] is not None:
                x = x + self.blocks[i](next(norms)(x))
        return self.answer(next(norms)(x))

    def step(self, inputs, state=None):
        """One token: inputs (B,1,C) and the former state -> logits (B,1,n_answers), next state."""
        place, states = state or (0, [None] * len(self.mixers))
        with no_grad():
            x, norms, after = self.embed(inputs, place), iter(self.norms), []
            for i, mixer in enumerate(self.mixers):
                y, carried = mixer.step(next(norms)(x), states[i])
                x = x + y
                after.append(carried)
                if self.blocks[i] is not None:
                    x = x + self.blocks[i](next(norms)(x))
            return self.answer(next(norms)(x)), (place + 1, after)

    def loss(self, batch):
        """Mean cross entropy in nats over the tokens that are asked: inputs, targets and asked of a world."""
        targets = xp.where(xp.asarray(batch["asked"]), xp.asarray(batch["targets"]), -1)
        return ops.cross_entropy(self(batch["inputs"], batch.get("valid")), targets, ignore=-1)

    def accuracy(self, batch):
        """Share of the asked tokens that are answered rightly."""
        with no_grad():
            said = asnumpy(self(batch["inputs"], batch.get("valid")).data).argmax(-1)
        return float(np.mean((said == batch["targets"])[batch["asked"]]))

    def embed(self, inputs, start=0):
        """inputs (B,T,C) -> (B,T,d_model); positions count from `start`."""
        inputs = xp.asarray(inputs)
        if inputs.ndim != 3 or inputs.shape[2] != len(self.tables):
            raise ShapeError(
                "TinyTransformer",
                expected=f"inputs (B, T, {len(self.tables)}), a channel for each table",
                got=inputs.shape,
                hint="inputs[:, :, None] for tokens of one channel",
            )
        x = sum(table(inputs[:, :, c]) for c, table in enumerate(self.tables))
        return x if self.positions is None else self.positions.embed(x, start + xp.arange(inputs.shape[1]))
