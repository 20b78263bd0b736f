"""Attention after the decoder's step: the new state h_t asks, and no answer flows back into the recurrence.

    h_t     = GRU(y_{t-1}, h_{t-1})              for all t in one scan
    c_t     = attention(h_t, encoder states)     for all t at once
    htil_t  = tanh(W_c [c_t; h_t])
    p(y_t)  = softmax(W_s htil_t)

So all words of the target are attended from at once.
"""

from ..attention import luong_dot
from ..autodiff import ops
from ..nn import GRU, Embedding, Linear
from .seq2seq import Encoder, State, Translator


class Luong(Translator):
    """Global or local attention of Luong, without input feeding.

    n_source, n_target   sizes of the vocabularies
    d_embed              length of word vectors
    d_encoder            states of the encoder in each direction; a key has 2 d_encoder numbers
    d_decoder            length of h_t; a query
    attention            a recipe with one head, default luong_dot(), which needs d_decoder = 2 d_encoder
    Source: arXiv 1508.04025, section 3. Ours: one layer of GRU instead of four of LSTM; the encoder reads
    both ways instead of a reversed source.
    """

    def __init__(self, n_source, n_target, *, d_embed=32, d_encoder=24, d_decoder=48, attention=None, rng):
        self.encoder = Encoder(n_source, d_embed, d_encoder, d_decoder, rng=rng)
        self.embed = Embedding(n_target, d_embed, rng=rng)
        self.gru = GRU(d_embed, d_decoder, rng=rng)
        self.attention = luong_dot() if attention is None else attention
        self.w_c = Linear(2 * d_encoder + d_decoder, d_decoder, rng=rng, bias=False)
        self.w_s = Linear(d_decoder, n_target, rng=rng)

    @property
    def aligner(self):
        return self.attention

    def encode(self, source, valid):
        memory, start = self.encoder(source, valid)
        return State(memory, valid, hidden=start)

    def decode(self, tokens, state):
        hidden, last = self.gru(self.embed(tokens), state=ops.expand_dims(state.hidden, 0))
        context = self.attention(hidden, state.memory, valid=state.valid, start=state.place)
        attentional = ops.tanh(self.w_c(ops.concatenate([context, hidden], axis=-1)))
        return self.w_s(attentional), state.after(last[0], tokens.shape[1])
