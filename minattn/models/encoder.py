"""An encoder alone: every token sees all others; it learns by guessing tokens that were hidden.

    the cat [mask] on the mat      ->      sits

Of the chosen tokens 80 % become [mask], 10 % a random token, 10 % stay: no token can be trusted blindly.
"""

import math

import numpy as np

from ..attention import Sinusoidal, multi_head
from ..autodiff import ops
from ..backends import xp
from ..errors import ArgumentError, DTypeError
from ..nn import Embedding, LayerNorm, Linear, Module
from ..nn.checks import check_sizes
from .stepping import PAD, check_ids
from .transformer import EncoderLayer, PostNorm


def hide_tokens(ids, rng, *, mask, n_tokens, first=3, share=0.15):
    """Choose tokens to guess and hide them 80/10/10.

    ids      (B,T) integers
    rng      numpy Generator
    mask     the id that hides a token
    n_tokens size of the vocabulary; random tokens are first .. n_tokens-1, without `mask`
    first    ids below it (padding and the like) are never chosen
    share    of the other tokens that are chosen; each row that has one gets at least one
    Returns (ids with the chosen tokens hidden, chosen), chosen (B,T) boolean.
    Raises ArgumentError for ids, mask or share out of range. Source: arXiv 1810.04805, section 3.1.
    """
    ids = np.asarray(ids)
    _check_hiding(ids, mask, n_tokens, first, share)
    luck = np.where(ids >= first, rng.random(ids.shape), 2.0)
    chosen = (luck < share) | ((luck == luck.min(axis=1, keepdims=True)) & (luck < 1))
    fate = rng.random(ids.shape)
    others = rng.integers(first, n_tokens - (mask >= first), size=ids.shape)
    others += others >= mask if mask >= first else 0
    hidden = np.where(fate < 0.8, mask, np.where(fate < 0.9, others, ids))
    return np.where(chosen, hidden, ids), chosen


def _check_hiding(ids, mask, n_tokens, first, share):
    where = "hide_tokens"
    if ids.dtype.kind not in "iu":
        raise DTypeError(where, expected="integer ids", got=f"dtype {ids.dtype}", hint="ids.astype(int)")
    fits = ids.ndim == 2 and ids.size and ids.min() >= 0 and ids.max() < n_tokens and 0 <= mask < n_tokens
    if not fits or not 0 < share <= 1 or first + 1 >= n_tokens:
        raise ArgumentError(
            where,
            expected="ids (B, T) and mask in 0..n_tokens-1, 0 < share <= 1, two tokens from `first` on",
            got=f"ids {ids.shape}, mask {mask}, n_tokens {n_tokens}, first {first}, share {share}",
            hint="hide_tokens(ids, rng, mask=len(vocabulary), n_tokens=len(vocabulary) + 1)",
        )


class MaskedLM(Module):
    """A bidirectional encoder with a head that names hidden tokens.

    n_tokens           V, the mask's id included
    d_model            width
    n_heads, n_layers  heads of each attention, layers
    residual           PreNorm or PostNorm, as in Transformer
    positions          positions, default Sinusoidal: each acts on embeddings and in every attention
    Source: arXiv 1810.04805. Ours: no sentence pairs; sinusoidal positions unless asked otherwise.
    """

    def __init__(
        self, n_tokens, *, d_model=64, n_heads=4, n_layers=2, residual=PostNorm, positions=None, rng
    ):
        check_sizes("MaskedLM", d_model=d_model, n_layers=n_layers)
        self.d_model = d_model
        self.positions = [Sinusoidal(d_model)] if positions is None else list(positions)
        self.embed = Embedding(n_tokens, d_model, rng=rng, std=1 / math.sqrt(d_model))

        def attention():
            return multi_head(d_model, n_heads, rng=rng, positions=self.positions)

        self.layers = [EncoderLayer(d_model, attention, residual, rng=rng) for _ in range(n_layers)]
        self.last = self.layers[0].residuals[0].last(d_model)
        self.head, self.head_norm = Linear(d_model, d_model, rng=rng), LayerNorm(d_model)

    def encode(self, ids, valid=None):
        """Contextual vectors (B,T,d_model) of ids (B,T); valid (B,T), default: where ids are not padding."""
        ids = check_ids("MaskedLM", ids)
        valid = ids != PAD if valid is None else xp.asarray(valid)
        x = self.embed(ids) * math.sqrt(self.d_model)
        for position in self.positions:
            x = position.embed(x, xp.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x, valid)
        return x if self.last is None else self.last(x)

    def forward(self, ids, valid=None):
        """Logits (B,T,V): what each token was before it was hidden."""
        return self.name(self.encode(ids, valid))

    def name(self, x):
        """Vectors (.., d_model) -> logits (.., V), by the table of the input."""
        return ops.linear(self.head_norm(ops.gelu(self.head(x))), self.embed.weight)

    def loss(self, ids, hidden, chosen, valid=None):
        """Mean cross entropy over the chosen tokens: ids the truth, hidden and chosen from `hide_tokens`."""
        chosen = xp.asarray(chosen)
        if not chosen.any():
            raise ArgumentError(
                "MaskedLM.loss",
                expected="a token to guess",
                got="none chosen",
                hint="hide_tokens(ids, rng, ...)",
            )
        return ops.cross_entropy(self.name(self.encode(hidden, valid)[chosen]), xp.asarray(ids)[chosen])
