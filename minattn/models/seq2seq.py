"""Translators: an encoder reads the source, a decoder writes the target word by word.

    source  the  cat  sleeps  <eos>                     ids padded with 0
    target  il   gatto  dorme  <eos>
    decoder reads  <bos> il gatto dorme     and must say     il gatto dorme <eos>

While training, the decoder reads the true target (teacher forcing). `Translator` is what all of them share,
`Encoder` what the recurrent ones share, `Plain` the one without attention.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..attention import record
from ..autodiff import Tensor, no_grad, ops
from ..backends import asnumpy, xp
from ..decoding import beam, greedy
from ..errors import ArgumentError
from ..nn import GRU, Embedding, Linear, Module
from .stepping import BOS, EOS, PAD, Stepper, check_ids, check_pair, evaluating


@dataclass(frozen=True)
class State:
    """What a recurrent decoder carries from token to token."""

    memory: Tensor  # (B,S,d) one vector a source word
    valid: object  # (B,S) boolean, False = padding
    hidden: Tensor  # (B,n) the decoder's own state
    feed: Tensor = None  # (B,n) the former attentional state, where it is fed back
    place: int = 0  # target tokens read so far

    def after(self, hidden, tokens, feed=None):
        """The state when `tokens` more tokens are read."""
        return replace(self, hidden=hidden, feed=feed, place=self.place + tokens)

    def rows(self, rows):
        """The batch rows `rows`, in that order."""
        rows = xp.asarray(rows)
        picked = {
            name: None if part is None else Tensor.made_by(part.data[rows], None)
            for name, part in (("memory", self.memory), ("hidden", self.hidden), ("feed", self.feed))
        }
        return replace(self, valid=self.valid[rows], **picked)


class Translator(Module):
    """Base of all translators. A subclass writes two methods:

    encode(source (B,S), valid (B,S)) -> state
    decode(tokens (B,T), state) -> (logits (B,T,V), state after them)

    and names in `self.aligner` the attention that looks at the source. Reading many tokens at once or one by
    one gives the same logits. Ids 0, 1 and 2 are padding, begin and end of sentence.
    """

    aligner = None

    def forward(self, source, target, valid=None):
        """Logits (B,T,V) for every word of target (B,T), given the true words before it.

        source (B,S) ids; valid (B,S) boolean, default: where source is not padding.
        """
        source, target = check_pair(type(self).__name__, source, target)
        begin = xp.zeros((len(target), 1), dtype=target.dtype) + BOS
        tokens = xp.concatenate([begin, target[:, :-1]], axis=1)
        return self.decode(tokens, self.start(source, valid))[0]

    def start(self, source, valid=None):
        """The decoder's state before its first word."""
        source = check_ids(type(self).__name__, source)
        return self.encode(source, source != PAD if valid is None else xp.asarray(valid))

    def loss(self, source, target, valid=None, smoothing=0.0):
        """Mean cross entropy a target word, in nats; without padding. smoothing as in cross_entropy."""
        logits = self.forward(source, target, valid)
        return ops.cross_entropy(logits, xp.asarray(target), ignore=PAD, smoothing=smoothing)

    def stepper(self, source, valid=None):
        """`step(prefix)` for `minattn.decoding`: source (B,S), a row a sentence; prefixes begin with id 1."""
        with no_grad(), evaluating(self):
            return Stepper(self, self.decode, self.start(source, valid))

    def translate(self, source, valid=None, *, width=1, max_len=None):
        """The most likely word at each step, or by beam search: B lists of ids without begin and end.

        width    beams; 1 = greedy
        max_len  longest output, default 2 S + 10
        """
        source = check_ids(f"{type(self).__name__}.translate", source)
        start, length = np.full(len(source), BOS), 2 * source.shape[1] + 10 if max_len is None else max_len
        if width == 1:
            return greedy(self.stepper(source, valid), start, end=EOS, max_len=length)
        valid = None if valid is None else np.repeat(asnumpy(valid), width, axis=0)
        step = self.stepper(np.repeat(asnumpy(source), width, axis=0), valid)
        return beam(step, start, end=EOS, width=width, max_len=length)[0]

    def alignments(self, source, target, valid=None):
        """Attention maps (B,T,S) under the true target: row t says where word t looked. Mean over heads.

        Raises ArgumentError for a translator without attention.
        """
        if self.aligner is None:
            raise ArgumentError(
                f"{type(self).__name__}.alignments",
                expected="a translator with attention",
                got="none",
                hint="Luong or Bahdanau",
            )
        with no_grad(), evaluating(self), record(self.aligner) as traces:
            self.forward(source, target, valid)
        return np.mean(asnumpy(traces[""].weights.data), axis=1)


class Encoder(Module):
    """A GRU in both directions over the source words.

    n_source    size of the source vocabulary
    d_embed     length of word vectors
    n_hidden    n, states in each direction
    d_decoder   length of the state that the decoder starts with, tanh(W [last forward; last backward])
    Returns states (B,S,2n) and start (B,d_decoder). Source: arXiv 1409.0473, section 3.2.
    """

    def __init__(self, n_source, d_embed, n_hidden, d_decoder, *, rng):
        self.embed = Embedding(n_source, d_embed, rng=rng)
        self.gru = GRU(d_embed, n_hidden, rng=rng, bidirectional=True)
        self.w = Linear(2 * n_hidden, d_decoder, rng=rng)

    def forward(self, source, valid):
        states, last = self.gru(self.embed(source), valid=valid)
        return states, ops.tanh(self.w(ops.concatenate([last[0], last[1]], axis=-1)))


class Plain(Translator):
    """No attention: all that the decoder knows of the source is one vector c, the encoder's last states.

    c = tanh(W [last forward; last backward]),  h_0 = c,  h_t = GRU([y_{t-1}; c], h_{t-1}),
    p(y_t) = softmax(W_s h_t)

    n_source, n_target   sizes of the vocabularies
    d_embed              length of word vectors
    d_encoder            states of the encoder in each direction
    d_decoder            length of c and of the decoder's states
    Source: arXiv 1406.1078, section 2.2. Ours: both directions are read; no maxout layer.
    """

    def __init__(self, n_source, n_target, *, d_embed=32, d_encoder=24, d_decoder=64, rng):
        self.encoder = Encoder(n_source, d_embed, d_encoder, d_decoder, rng=rng)
        self.embed = Embedding(n_target, d_embed, rng=rng)
        self.gru = GRU(d_embed + d_decoder, d_decoder, rng=rng)
        self.w_s = Linear(d_decoder, n_target, rng=rng)

    def encode(self, source, valid):
        _, c = self.encoder(source, valid)
        return State(ops.expand_dims(c, 1), valid, hidden=c)

    def decode(self, tokens, state):
        b, t = tokens.shape
        c = ops.broadcast_to(state.memory, (b, t, state.memory.shape[-1]))
        x = ops.concatenate([self.embed(tokens), c], axis=-1)
        hidden, last = self.gru(x, state=ops.expand_dims(state.hidden, 0))
        return self.w_s(hidden), state.after(last[0], t)
