"""A pointer network: the attention is the answer. It names places of the input, so any input length will do.

    e_i              = BiGRU(inputs)_i
    d_t              = GRU(the input pointed to last, d_{t-1})
    u_ti             = v^T tanh(W d_t + U e_i)
    p(answer t = i)  = softmax_i(u_ti)

Sorting 7 2 9 is the answer 1 0 2.
"""

import numpy as np

from ..attention import bahdanau
from ..autodiff import no_grad, ops
from ..backends import asnumpy, xp
from ..errors import ArgumentError, ShapeError
from ..nn import GRU, Embedding, Linear, Module, Parameter, init
from ..nn.checks import check_sizes
from .stepping import check_ids, evaluating


class PointerNetwork(Module):
    """Answers with places of its input.

    n_tokens   size of the input's vocabulary
    d_embed    length of input vectors
    n_hidden   states of the encoder (half of them in each direction: even) and of the decoder
    Source: arXiv 1506.03134, equation 3. Ours: GRUs instead of LSTMs, and the encoder reads both ways.
    """

    def __init__(self, n_tokens, *, d_embed=24, n_hidden=32, rng):
        check_sizes("PointerNetwork", n_hidden=n_hidden)
        if n_hidden % 2:
            raise ArgumentError(
                "PointerNetwork(n_hidden)", expected="an even number", got=n_hidden, hint="32"
            )
        self.embed = Embedding(n_tokens, d_embed, rng=rng)
        self.encoder = GRU(d_embed, n_hidden // 2, rng=rng, bidirectional=True)
        self.w = Linear(n_hidden, n_hidden, rng=rng)
        self.begin = Parameter(init.normal(rng, (d_embed,), 0.5))  # read before the first answer
        self.decoder = GRU(d_embed, n_hidden, rng=rng)
        self.attention = bahdanau(n_hidden, n_hidden, n_hidden, rng=rng)

    def forward(self, inputs, places, valid=None):
        """Scores u (B,T,S) of every place for each answer, given the true answers before it.

        inputs (B,S) ids; places (B,T) the true answers; valid (B,S) boolean, default: all. A place that is
        not valid scores -1e9. Softmax over the last axis gives the probabilities.
        """
        inputs, places, valid = self._checked(inputs, places, valid)
        x, memory, state = self.encode(inputs, valid)
        former = x[xp.arange(len(inputs))[:, None], places[:, :-1]]
        read = ops.concatenate([self._begin(len(inputs)), former], axis=1)
        return self.decode(read, memory, valid, state)[0]

    def loss(self, inputs, places, valid=None):
        """Mean cross entropy, in nats. With `valid`, answer t counts where valid[:, t]."""
        scores = self.forward(inputs, places, valid)
        places = xp.asarray(places)
        if valid is not None:
            places = xp.where(xp.asarray(valid)[:, : places.shape[1]], places, -1)
        return ops.cross_entropy(scores, places, ignore=-1)

    def point(self, inputs, valid=None):
        """The most likely place at each step, used ones masked: (B,S), each valid place once, then -1."""
        inputs, _, valid = self._checked(inputs, None, valid)
        rows, answers, free = np.arange(len(inputs)), [], np.array(asnumpy(valid))
        with no_grad(), evaluating(self):
            x, memory, state = self.encode(inputs, valid)
            read = self._begin(len(inputs))
            for _ in range(inputs.shape[1]):
                scores, state = self.decode(read, memory, xp.asarray(free), state)
                place = asnumpy(scores.data)[:, 0].argmax(axis=-1)
                answers.append(np.where(free.any(axis=1), place, -1))
                free[rows, place] = False
                read = x[rows[:, None], place[:, None]]
        return np.stack(answers, axis=1)

    def encode(self, inputs, valid):
        """Input vectors (B,S,d_embed), memory (B,S,n_hidden), the decoder's start (1,B,n_hidden)."""
        x = self.embed(inputs)
        memory, last = self.encoder(x, valid=valid)
        start = ops.tanh(self.w(ops.concatenate([last[0], last[1]], axis=-1)))
        return x, memory, ops.expand_dims(start, 0)

    def decode(self, read, memory, allowed, state):
        """Scores (B,T,S) after reading (B,T,d_embed), and the next state; allowed (B,S): may be named."""
        out, state = self.decoder(read, state=state)
        trace = self.attention.trace(out, memory, valid=allowed)
        return ops.where(allowed[:, None, :], ops.squeeze(trace.scores, 1), -1e9), state

    def _begin(self, n):
        return ops.broadcast_to(self.begin, (n, 1, self.begin.shape[0]))

    def _checked(self, inputs, places, valid):
        inputs = check_ids("PointerNetwork, inputs", inputs)
        valid = xp.ones(inputs.shape, dtype=bool) if valid is None else xp.asarray(valid)
        if valid.shape != inputs.shape:
            raise ShapeError(
                "PointerNetwork", expected=f"valid {inputs.shape}", got=valid.shape, hint="one flag an input"
            )
        if places is None:
            return inputs, None, valid
        places = check_ids("PointerNetwork, places", places)
        if len(places) != len(inputs) or int(places.min()) < 0 or int(places.max()) >= inputs.shape[1]:
            raise ArgumentError(
                "PointerNetwork",
                expected=f"places ({len(inputs)}, T) in 0..{inputs.shape[1] - 1}",
                got=f"{places.shape}, {int(places.min())}..{int(places.max())}",
                hint="places are indices into a row of inputs; 0 at padding",
            )
        return inputs, places, valid
