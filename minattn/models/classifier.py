"""An encoder that says what class a sentence has, read at its first token, and what class each word has.

<bos>     the  dog   never  barks          pre-norm layers: self-attention, feed-forward
negative  det  noun  neg    verb
"""

import math
from functools import partial

from ..attention import LearnedPositions, multi_head
from ..autodiff import Tensor, ops
from ..backends import xp
from ..nn import Embedding, LayerNorm, Linear, Module
from ..nn.checks import check_sizes
from .stepping import PAD, check_ids
from .transformer import EncoderLayer, PreNorm


class Classifier(Module):
    """Encoder layers with multi-head attention, a class at token 0, and a tag at every token if asked for.

    n_tokens        V
    n_classes       classes of a sentence
    n_tags          classes of a word; 0: words are not tagged
    d_model, d_ff   widths of the encoder and of its feed-forward blocks
    heads           heads of each layer
    max_len         longest sentence: positions are learned
    Source: arXiv 1810.04805, section 3 (the first token stands for the sentence). Ours: pre-norm.
    """

    def __init__(
        self, n_tokens, n_classes, *, n_tags=0, d_model=32, heads=(4, 4, 4), d_ff=64, max_len=16, rng
    ):
        check_sizes("Classifier", n_classes=n_classes, d_model=d_model, layers=len(heads))
        self.embed = Embedding(n_tokens, d_model, rng=rng, std=1 / math.sqrt(d_model))
        self.positions = LearnedPositions(max_len, d_model, rng=rng)
        self.layers = [
            EncoderLayer(d_model, partial(multi_head, d_model, h, rng=rng), PreNorm, d_ff=d_ff, rng=rng)
            for h in heads
        ]
        self.norm, self.w_class = LayerNorm(d_model), Linear(d_model, n_classes, rng=rng)
        self.w_tag = Linear(d_model, n_tags, rng=rng) if n_tags else None

    def encode(self, ids):
        """Contextual vectors (B,T,d_model) of ids (B,T); padding, id 0, is not attended to."""
        ids = check_ids("Classifier", ids)
        x = self.positions.embed(self.embed(ids), xp.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x, ids != PAD)
        return self.norm(x)

    def forward(self, ids):
        """Logits of the sentence (B,n_classes) and, where words are tagged, of each word (B,T,n_tags)."""
        x = self.encode(ids)
        return self.w_class(x[:, 0]), None if self.w_tag is None else self.w_tag(x)

    def losses(self, ids, labels, tags=None):
        """The loss of each sentence (B,) in nats: its class, and the mean over its tagged words.

        labels (B,); tags (B,T), -1 where a token has none; None: only the class counts.
        """
        of_class, of_words = self(ids)
        total = -_log_probability(of_class, xp.asarray(labels))
        if tags is None:
            return total
        tags = xp.asarray(tags)
        tagged = tags >= 0
        share = tagged / xp.maximum(tagged.sum(axis=1, keepdims=True), 1)
        words = _log_probability(of_words, xp.where(tagged, tags, 0))
        return total - ops.sum(words * Tensor(share.astype(words.dtype)), axis=1)


def _log_probability(logits, targets):
    """log softmax(logits)[target], of the shape of targets."""
    return ops.squeeze(ops.take_along_axis(ops.log_softmax(logits), targets[..., None], axis=-1), -1)
