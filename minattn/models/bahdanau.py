"""Attention before the decoder's step: the old state s_{t-1} asks, and the answer goes into the next state.

    c_t    = attention(s_{t-1}, encoder states)      additive: v^T tanh(W s + U h)
    s_t    = GRU([y_{t-1}; c_t], s_{t-1})
    p(y_t) = softmax(W_s tanh(W_o [s_t; y_{t-1}; c_t]))

Every step needs the one before, so the words go one by one.
"""

from ..attention import bahdanau
from ..attention.recording import is_recorded, keep
from ..autodiff import ops
from ..nn import GRU, Embedding, Linear
from .seq2seq import Encoder, State, Translator
from .stepping import joined


class Bahdanau(Translator):
    """The first attention.

    n_source, n_target   sizes of the vocabularies
    d_embed              length of word vectors
    d_encoder            states of the encoder in each direction; a key has 2 d_encoder numbers
    d_decoder            length of s_t; a query
    d_score              width of the network that scores
    attention            another recipe with one head, default `bahdanau`
    Source: arXiv 1409.0473, section 3.1 and appendix A.2. Ours: the output layer is tanh instead of maxout
    and reads s_t instead of s_{t-1}; the first state reads the encoder's last states of both directions.
    """

    def __init__(
        self, n_source, n_target, *, d_embed=32, d_encoder=24, d_decoder=48, d_score=48, attention=None, rng
    ):
        self.encoder = Encoder(n_source, d_embed, d_encoder, d_decoder, rng=rng)
        self.embed = Embedding(n_target, d_embed, rng=rng)
        self.gru = GRU(d_embed + 2 * d_encoder, d_decoder, rng=rng)
        self.attention = attention or bahdanau(d_decoder, 2 * d_encoder, d_score, rng=rng)
        self.w_o = Linear(d_decoder + d_embed + 2 * d_encoder, d_decoder, rng=rng)
        self.w_s = Linear(d_decoder, n_target, rng=rng)

    @property
    def aligner(self):
        return self.attention

    def encode(self, source, valid):
        memory, start = self.encoder(source, valid)
        return State(memory, valid, hidden=start)

    def decode(self, tokens, state):
        words, hidden = self.embed(tokens), ops.expand_dims(state.hidden, 0)  # (B,T,d_embed), (1,B,n)
        states, contexts, traces = [], [], []
        for t in range(tokens.shape[1]):
            asks = ops.swapaxes(hidden, 0, 1)  # (B,1,n): s_{t-1}
            trace = self.attention.trace(asks, state.memory, valid=state.valid, start=state.place + t)
            x = ops.concatenate([words[:, t : t + 1], trace.out], axis=-1)
            out, hidden = self.gru(x, state=hidden)
            states.append(out)
            contexts.append(trace.out)
            traces.append(trace)
        if is_recorded(self.attention):
            keep(self.attention, joined(traces))
        read = ops.concatenate([ops.concatenate(states, 1), words, ops.concatenate(contexts, 1)], axis=-1)
        return self.w_s(ops.tanh(self.w_o(read))), state.after(hidden[0], tokens.shape[1])
