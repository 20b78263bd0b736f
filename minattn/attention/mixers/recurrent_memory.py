"""Attention in segments, attention in chunks and a bank of summaries, side by side."""

from ...autodiff import as_tensor, no_grad, ops
from ...backends import xp
from ...nn import Linear
from ...nn.checks import check_sizes
from ..memory.fifo import FIFOMemory
from ..positions import Rotary
from ..projections.multi_head import join_heads, split_heads
from .base import Mixer


class RecurrentMemory(Mixer):
    """Three paths over a stream cut into segments of L tokens; their sum goes through W_o.

        O_f = softmax(q k^T / sqrt(d), causal) v            inside the segment
        O_c = the same inside chunks of c tokens
        O_m = softmax(q_m (M W_k)^T / sqrt(d)) M W_v        M: what the memory kept of earlier segments
        out = (O_f + O_c + O_m) W_o

    The first two share q, k and v, turned by rotary places that start anew in each segment. The bank has no
    place; while it is empty O_m is 0. All segments are computed at once. A token costs L + c + m, whatever
    the length of the stream.

    memory   a FIFOMemory, or a TokenCache
    segment  L
    chunk    c
    Source: arXiv 2507.00453. Ours: the sum, and queries of their own for the memory path.
    """

    taxonomy = ("hybrid", "recurrent-memory")

    def __init__(self, d_model, n_heads, memory, *, segment, chunk, rng):
        check_sizes("RecurrentMemory", d_model=d_model, n_heads=n_heads, segment=segment, chunk=chunk)
        self.d_model, self.n_heads, self.segment, self.chunk = d_model, n_heads, segment, chunk
        self.w_q, self.w_k, self.w_v, self.w_qm, self.w_km, self.w_vm, self.w_o = (
            Linear(d_model, d_model, rng=rng, bias=False) for _ in range(7)
        )
        self.memory, self.rotary = memory, Rotary(d_model // n_heads)

    def forward(self, x, valid=None):
        x = as_tensor(x)
        b, t, _ = x.shape
        n, length = -(-t // self.segment), self.segment
        real = xp.ones((b, t), dtype=bool) if valid is None else valid
        real = xp.pad(real, ((0, 0), (0, n * length - t))).reshape(b, n, length)
        h = ops.pad(x, ((0, 0), (0, n * length - t), (0, 0))).reshape(b, n, length, self.d_model)
        slots = self.memory.slots(h, real)
        seen = xp.repeat(self.memory.visible(n, length), length, axis=0)
        flat = h.reshape(b * n, length, self.d_model)
        local = self.local(flat, real.reshape(b * n, length)).reshape(b, n * length, self.d_model)
        return self.w_o(local + self.recall(h.reshape(b, n * length, self.d_model), slots, seen))[:, :t]

    def local(self, h, valid=None):
        """O_f + O_c of segments h (B,p,d_model) that begin at a segment's first token: (B,p,d_model)."""
        places = xp.arange(h.shape[1])
        q, k, v = (split_heads(w(h), self.n_heads) for w in (self.w_q, self.w_k, self.w_v))
        q, k = (self.rotary.turn(a, places) for a in (q, k))
        past = places[None, :] <= places[:, None]
        near = past & (places[None, :] // self.chunk == places[:, None] // self.chunk)
        allowed = True if valid is None else valid[:, None, None, :]
        return join_heads(ops.attention(q, k, v, past & allowed) + ops.attention(q, k, v, near & allowed))

    def recall(self, h, slots, seen=None):
        """O_m of tokens h (B,T,d_model) that see slots (B,N,d_model) where `seen` (T,N) is True."""
        q = split_heads(self.w_qm(h), self.n_heads)
        k, v = (split_heads(w(slots), self.n_heads) for w in (self.w_km, self.w_vm))
        return join_heads(ops.attention(q, k, v, seen))

    def step(self, x, state=None):
        """The state is the bank and the tokens of the open segment, as they came in."""
        bank, h = state or (None, None)
        with no_grad():
            h = x if h is None else ops.concatenate([h, x], axis=1)
            y = self.local(h)[:, -1:]
            if bank is not None and bank.shape[1]:
                y = y + self.recall(x, bank)
            if h.shape[1] == self.segment:
                bank, h = self.memory.write(bank, h), None
            return self.w_o(y), (bank, h)

    def state_floats(self, length):
        return self.d_model * min(length, self.segment) + self.memory.floats()

    def flops(self, length):
        def pairs(piece):
            whole, rest = divmod(length, piece)
            return (whole * piece * (piece + 1) + rest * (rest + 1)) // 2

        recalled = length * self.memory.floats() // self.d_model
        return 2 * self.d_model * (pairs(self.segment) + pairs(self.chunk) + recalled)


def make(d_model, n_heads, *, rng):
    memory = FIFOMemory(d_model, 4, rng=rng)
    return RecurrentMemory(d_model, n_heads, memory, segment=6, chunk=3, rng=rng)
