"""A translator of attention alone.

    encoder layer   x = residual(x, self-attention),  x = residual(x, feed-forward)
    decoder layer   y = residual(y, causal self-attention),  y = residual(y, attention to the encoder),
                    y = residual(y, feed-forward)

`residual` says where the norm stands: PostNorm norm(x + f(x)) as first published, PreNorm x + f(norm(x)).
"""

import math
from dataclasses import dataclass, replace

from ..attention import Causal, KVCache, Sinusoidal, multi_head
from ..autodiff import Tensor, ops
from ..backends import xp
from ..nn import Dropout, Embedding, FeedForward, LayerNorm, Linear, Module
from ..nn.checks import check_sizes
from .seq2seq import Translator


class PreNorm(Module):
    """x + dropout(f(norm(x))): the sum itself is normalised once, after the last layer.

    Source: arXiv 2002.04745, section 3.
    """

    def __init__(self, d_model, *, dropout=0.0, rng):
        self.norm, self.dropout = LayerNorm(d_model), Dropout(dropout, rng=rng)

    def forward(self, x, f):
        return x + self.dropout(f(self.norm(x)))

    @staticmethod
    def last(d_model):
        """What stands after the last layer."""
        return LayerNorm(d_model)


class PostNorm(Module):
    """norm(x + dropout(f(x))): every layer hands on normalised vectors.

    Source: arXiv 1706.03762, section 3.1.
    """

    def __init__(self, d_model, *, dropout=0.0, rng):
        self.norm, self.dropout = LayerNorm(d_model), Dropout(dropout, rng=rng)

    def forward(self, x, f):
        return self.norm(x + self.dropout(f(x)))

    @staticmethod
    def last(d_model):
        """What stands after the last layer: nothing more."""
        return None


class EncoderLayer(Module):
    """Self-attention and a feed-forward block, each inside a residual.

    attention   a function that makes an attention
    residual    a function that makes a residual
    d_ff        width of the feed-forward block, default 4 d_model
    """

    def __init__(self, d_model, attention, residual, *, d_ff=None, rng):
        self.attention = attention()
        self.feed_forward = FeedForward(d_model, d_ff or 4 * d_model, rng=rng)
        self.residuals = [residual(d_model, rng=rng) for _ in range(2)]

    def forward(self, x, valid=None):
        x = self.residuals[0](x, lambda x: self.attention(x, valid=valid))
        return self.residuals[1](x, self.feed_forward)


class DecoderLayer(Module):
    """Causal self-attention, attention to the encoder (`cross`), and a feed-forward block."""

    def __init__(self, d_model, attention, cross, residual, *, rng):
        self.attention, self.cross = attention(), cross()
        self.feed_forward = FeedForward(d_model, 4 * d_model, rng=rng)
        self.residuals = [residual(d_model, rng=rng) for _ in range(3)]

    def forward(self, y, memory, valid=None, cache=None):
        y = self.residuals[0](y, lambda y: self.attention(y, cache=cache))
        y = self.residuals[1](y, lambda y: self.cross(y, memory, valid=valid))
        return self.residuals[2](y, self.feed_forward)


@dataclass(frozen=True)
class State:
    """What the decoder carries from token to token."""

    memory: Tensor  # (B,S,d_model) what the encoder left
    valid: object  # (B,S) boolean, False = padding
    caches: list = None  # a KVCache a layer while stepping, None under teacher forcing

    @property
    def place(self):
        """Target tokens read so far."""
        return self.caches[0].length

    def rows(self, rows):
        """The batch rows `rows`, in that order."""
        for cache in self.caches:
            cache.reorder(rows)
        rows = xp.asarray(rows)
        return State(Tensor.made_by(self.memory.data[rows], None), self.valid[rows], self.caches)


class Transformer(Translator):
    """Encoder and decoder layers with multi-head attention.

    n_source, n_target   sizes of the vocabularies
    d_model              width; feed-forward blocks are 4 d_model wide
    n_heads, n_layers    heads of each attention; layers of the encoder, and as many of the decoder
    residual             PreNorm or PostNorm; with dropout: functools.partial(PreNorm, dropout=0.1)
    positions            positions, default Sinusoidal: each acts on embeddings and in every self-attention
    The table of the output is its own; TiedTransformer shares it. Alignments come from the last layer.
    Source: arXiv 1706.03762, section 3. Ours: GELU; pre-norm unless asked otherwise.
    """

    def __init__(
        self, n_source, n_target, *, d_model=48, n_heads=4, n_layers=1, residual=PreNorm, positions=None, rng
    ):
        check_sizes(type(self).__name__, d_model=d_model, n_layers=n_layers)
        self.d_model = d_model
        self.positions = [Sinusoidal(d_model)] if positions is None else list(positions)
        std = 1 / math.sqrt(d_model)
        self.source_embed = Embedding(n_source, d_model, rng=rng, std=std)
        self.target_embed = Embedding(n_target, d_model, rng=rng, std=std)

        def attention(masks=()):
            return multi_head(d_model, n_heads, rng=rng, positions=self.positions, masks=masks)

        def causal():
            return attention([Causal()])

        def cross():
            return multi_head(d_model, n_heads, rng=rng)

        self.encoder = [EncoderLayer(d_model, attention, residual, rng=rng) for _ in range(n_layers)]
        self.decoder = [DecoderLayer(d_model, causal, cross, residual, rng=rng) for _ in range(n_layers)]
        last = self.encoder[0].residuals[0].last
        self.encoder_norm, self.decoder_norm = last(d_model), last(d_model)
        self.make_output(n_target, rng)

    @property
    def aligner(self):
        return self.decoder[-1].cross

    def make_output(self, n_target, rng):
        """The map from the decoder's vectors to logits."""
        self.w_s = Linear(self.d_model, n_target, rng=rng)

    def write(self, y):
        """The decoder's vectors (B,T,d_model) -> logits (B,T,V)."""
        return self.w_s(y)

    def read(self, table, ids, start=0):
        """Embeddings of ids at the places start, start + 1, ..."""
        x = table(ids) * math.sqrt(self.d_model)
        for position in self.positions:
            x = position.embed(x, start + xp.arange(ids.shape[1]))
        return x

    def stepper(self, source, valid=None):
        step = super().stepper(source, valid)
        step.state = replace(step.state, caches=[KVCache() for _ in self.decoder])
        return step

    def encode(self, source, valid):
        x = self.read(self.source_embed, source)
        for layer in self.encoder:
            x = layer(x, valid)
        return State(x if self.encoder_norm is None else self.encoder_norm(x), valid)

    def decode(self, tokens, state):
        caches = state.caches or [None] * len(self.decoder)
        y = self.read(self.target_embed, tokens, state.place if state.caches else 0)
        for layer, cache in zip(self.decoder, caches):
            y = layer(y, state.memory, state.valid, cache)
        return self.write(y if self.decoder_norm is None else self.decoder_norm(y)), state


class TiedTransformer(Transformer):
    """A Transformer whose output table is its target embedding: logits = y E^T.

    Arguments as in Transformer. Source: arXiv 1608.05859; 1706.03762, section 3.4.
    """

    def make_output(self, n_target, rng):
        """Nothing new is needed; the last gain starts small, so that a new model's guesses are even."""
        norm = self.decoder_norm or self.decoder[-1].residuals[-1].norm
        norm.gain.data /= math.sqrt(self.d_model)

    def write(self, y):
        return ops.linear(y, self.target_embed.weight)
