"""A decoder alone: predict the next token from those before it.

    x = E[ids] sqrt(d_model)             (+ absolute positions)
    x = x + attention(norm(x))           for each layer,
    x = x + feed_forward(norm(x))        pre-norm
    p(next) = softmax(norm(x) E^T)       the table of the input again

Every position learns at once: row t of the logits has seen tokens 0..t only.
"""

import math

from ..attention import Causal, KVCache, Rotary, multi_head
from ..autodiff import ops
from ..backends import xp
from ..errors import ShapeError
from ..nn import Embedding, FeedForward, Module, RMSNorm
from ..nn.checks import check_sizes
from .stepping import Stepper, check_ids


class Block(Module):
    """One layer: attention, then a feed-forward block; each reads normalised input and adds to it."""

    def __init__(self, attention, feed_forward, norms):
        self.attention, self.feed_forward = attention, feed_forward
        self.norm_1, self.norm_2 = norms

    def forward(self, x, cache=None):
        x = x + self.attention(self.norm_1(x), cache=cache)
        return x + self.feed_forward(self.norm_2(x))


class Caches:
    """Keys and values of every layer: the state of step-wise decoding."""

    def __init__(self, layers):
        self.layers = layers
        self.plain = {}  # what next_token has seen of the blocks

    @property
    def place(self):
        """Tokens read so far."""
        return self.layers[0].length

    def rows(self, rows):
        """Keep the batch rows `rows`, in that order."""
        for cache in self.layers:
            cache.reorder(rows)
        return self

    def floats(self):
        """Numbers held."""
        return sum(cache.floats() for cache in self.layers)


class LanguageModel(Module):
    """A stack of causal blocks between one table used twice.

    n_tokens      V, size of the vocabulary
    d_model       width
    n_layers      L
    attention     a function that makes the attention of one layer; give it the mask Causal()
    feed_forward  a function that makes the other half, default FeedForward of width 4 d_model
    positions     a position that acts on the embeddings (Sinusoidal, LearnedPositions), default none
    norm          LayerNorm or RMSNorm
    Source: arXiv 1706.03762, section 3, without its encoder; pre-norm and tied table as in GPT-2.

    >>> import numpy as np
    >>> model = gpt(29, d_model=16, n_heads=2, n_layers=3, rng=np.random.default_rng(0))
    >>> model(np.array([[5, 7, 11]])).shape
    (1, 3, 29)
    """

    def __init__(
        self, n_tokens, *, d_model, n_layers, attention, feed_forward=None, positions=None, norm=RMSNorm, rng
    ):
        check_sizes("LanguageModel", n_tokens=n_tokens, d_model=d_model, n_layers=n_layers)
        make = feed_forward or (lambda: FeedForward(d_model, 4 * d_model, rng=rng))
        self.n_tokens, self.d_model, self.positions = n_tokens, d_model, positions
        self.embed = Embedding(n_tokens, d_model, rng=rng, std=1 / math.sqrt(d_model))
        self.blocks = [Block(attention(), make(), (norm(d_model), norm(d_model))) for _ in range(n_layers)]
        self.norm = norm(d_model)
        self.norm.gain.data /= math.sqrt(d_model)  # so that a new model's guesses are even: loss log V

    def forward(self, ids, caches=None):
        """ids (B,T) -> logits (B,T,V); row t has seen tokens 0..t, and those in `caches` before them."""
        ids = check_ids("LanguageModel", ids)
        start = 0 if caches is None else caches.place
        x = self.embed(ids) * math.sqrt(self.d_model)
        if self.positions is not None:
            x = self.positions.embed(x, start + xp.arange(ids.shape[1]))
        for i, block in enumerate(self.blocks):
            x = block(x, cache=None if caches is None else caches.layers[i])
        return ops.linear(self.norm(x), self.embed.weight)

    def loss(self, ids, targets=None):
        """Mean cross entropy of the next token, in nats.

        targets (B,T) stand one place after ids; without them, ids[:, 1:] are the targets of ids[:, :-1].
        """
        ids = check_ids("LanguageModel.loss", ids)
        if targets is None:
            if ids.shape[1] < 2:
                raise ShapeError(
                    "LanguageModel.loss",
                    expected="ids (B, T) with T >= 2",
                    got=ids.shape,
                    hint="longer windows",
                )
            ids, targets = ids[:, :-1], ids[:, 1:]
        return ops.cross_entropy(self.forward(ids), xp.asarray(targets))

    def stepper(self):
        """`step(prefix)` for `minattn.decoding`; each token is read once."""
        return Stepper(self, self._step, Caches([KVCache() for _ in self.blocks]))

    def _step(self, ids, caches):
        return self.forward(ids, caches), caches


def gpt(n_tokens, *, d_model=128, n_heads=4, n_layers=4, rng):
    """A LanguageModel with multi-head attention, rotary positions, RMSNorm and GELU blocks of 4 d_model."""

    def attention():
        return multi_head(d_model, n_heads, rng=rng, masks=[Causal()], positions=[Rotary(d_model // n_heads)])

    return LanguageModel(n_tokens, d_model=d_model, n_layers=n_layers, attention=attention, rng=rng)
