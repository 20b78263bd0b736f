"""Luong attention with input feeding: the decoder is told what it attended to last time.

    h_t     = GRU([y_{t-1}; htil_{t-1}], h_{t-1})
    c_t     = attention(h_t, encoder states)
    htil_t  = tanh(W_c [c_t; h_t])

What was attended to flows back into the recurrence, so the words go one by one.
"""

from ..attention import luong_dot
from ..attention.recording import is_recorded, keep
from ..autodiff import Tensor, ops
from ..backends import xp
from ..nn import GRU, Embedding, Linear
from .seq2seq import Encoder, State, Translator
from .stepping import joined


class InputFeedingLuong(Translator):
    """Luong's decoder with htil_{t-1} beside the next word; arguments as in Luong.

    Source: arXiv 1508.04025, section 3.3. Ours: htil_0 = 0.
    """

    def __init__(self, n_source, n_target, *, d_embed=32, d_encoder=24, d_decoder=48, attention=None, rng):
        self.encoder = Encoder(n_source, d_embed, d_encoder, d_decoder, rng=rng)
        self.embed = Embedding(n_target, d_embed, rng=rng)
        self.gru = GRU(d_embed + d_decoder, d_decoder, rng=rng)
        self.attention = luong_dot() if attention is None else attention
        self.w_c = Linear(2 * d_encoder + d_decoder, d_decoder, rng=rng, bias=False)
        self.w_s = Linear(d_decoder, n_target, rng=rng)

    @property
    def aligner(self):
        return self.attention

    def encode(self, source, valid):
        memory, start = self.encoder(source, valid)
        return State(memory, valid, hidden=start, feed=Tensor(xp.zeros(start.shape, dtype=start.dtype)))

    def decode(self, tokens, state):
        words, hidden, feed = self.embed(tokens), ops.expand_dims(state.hidden, 0), state.feed
        written, traces = [], []
        for t in range(tokens.shape[1]):
            x = ops.concatenate([words[:, t], feed], axis=-1)
            out, hidden = self.gru(ops.expand_dims(x, 1), state=hidden)
            trace = self.attention.trace(out, state.memory, valid=state.valid, start=state.place + t)
            feed = ops.tanh(self.w_c(ops.concatenate([trace.out[:, 0], out[:, 0]], axis=-1)))
            written.append(feed)
            traces.append(trace)
        if is_recorded(self.attention):
            keep(self.attention, joined(traces))
        return self.w_s(ops.stack(written, axis=1)), state.after(hidden[0], tokens.shape[1], feed)
