"""Titans: attention for what is near, a neural memory for what is far, put together in three ways."""

from ...autodiff import as_tensor, no_grad, ops
from ...backends import xp
from ...nn import Module, RMSNorm
from ...nn.checks import check_sizes
from ..anatomy import Attention
from ..masks import Causal, Window
from ..memory import PersistentKV
from ..projections import MultiHead
from .base import Mixer
from .neural_memory import NeuralMemory
from .parallel import Parallel
from .sequential import Sequential
from .window import WindowMixer


class Modulate(Module):
    """norm(a) * sigmoid(norm(b)), each norm with a gain of its own: b says how much of a goes through.

    As the `join` of a Parallel, a is the last mixer's output and b the first one's.
    """

    def __init__(self, d_model):
        self.norms = [RMSNorm(d_model), RMSNorm(d_model)]

    def forward(self, x, outs):
        gate, through = outs
        return self.norms[0](through) * ops.sigmoid(self.norms[1](gate))


class Twice:
    """The mask of a context [h; x] whose halves stand at the same places: half j is seen from place j on."""

    def __call__(self, t):
        return (t.k_pos % (len(t.k_pos) // 2))[None, :] <= t.q_pos[:, None]


class MemoryAsContext(Mixer):
    """MAC: segments of `width` tokens; each attends to itself and to what the memory knows about it.

        h = M(x), not written      y = x + attention(x, [persistent; h; x])      M learns y
        out = norm(M_t(y_t)) * sigmoid(norm(y_t))

    attention   with the mask Twice, and perhaps a PersistentKV
    memory      a NeuralMemory
    Source: arXiv 2501.00663, section 4.1. Ours: token i sees h_j only for j <= i, since h_j is made of x_j,
    and reads the memory as it is after its own token: so that no output depends on a later input. Without
    the x in y, the memory would learn means of tokens.
    """

    taxonomy = ("hybrid", "sequential")

    def __init__(self, attention, memory, width):
        check_sizes("MemoryAsContext", width=width)
        self.attention, self.memory, self.width = attention, memory, width
        self.join = Modulate(attention.projection.d_model)

    def segment(self, x, state=None, valid=None):
        """One segment x (B,T,d_model), T <= width, from the memory's state: out and the state after it."""
        twice = None if valid is None else xp.concatenate([valid, valid], axis=1)
        y = x + self.attention(x, ops.concatenate([self.memory.read(x, state), x], axis=1), valid=twice)
        known, state = self.memory.learn(y, state, valid)
        return self.join(x, [y, known]), state

    def forward(self, x, valid=None):
        x, state, outs = as_tensor(x), None, []
        for begin in range(0, max(x.shape[1], 1), self.width):
            here = (slice(None), slice(begin, begin + self.width))
            out, state = self.segment(x[here], state, None if valid is None else valid[here])
            outs.append(out)
        return ops.concatenate(outs, axis=1)

    def step(self, x, state=None):
        """The state: that of the memory where the segment began, and the segment's inputs so far."""
        with no_grad():
            before, seen = state or (None, None)
            seen = as_tensor(x) if seen is None else ops.concatenate([seen, x], axis=1)
            out, after = self.segment(seen, before)
            return out[:, -1:], (after, None) if seen.shape[1] == self.width else (before, seen)

    def state_floats(self, length):
        return self.memory.state_floats(length) + min(length, self.width) * self.attention.projection.d_model

    def flops(self, length):
        full, rest = divmod(length, self.width)
        pairs = full * self.width * (self.width + 1) + rest * (rest + 1)  # of h and of x
        return 2 * self.attention.projection.d_model * (pairs + length * _persistent(self.attention)) + (
            self.memory.flops(length)
        )


class PersistentWindow(WindowMixer):
    """A WindowMixer whose attention has a PersistentKV in front."""

    def flops(self, length):
        d_model = self.attention.projection.d_model
        return super().flops(length) + 2 * d_model * length * _persistent(self.attention)


def _persistent(attention):
    return 0 if attention.memory is None else attention.memory.keys.shape[1]


def _parts(d_model, n_heads, masks, n_persistent, rng):
    """An attention with persistent vectors, and a memory."""
    heads = [MultiHead(d_model, n_heads, rng=rng) for _ in range(2)]
    front = PersistentKV(n_persistent, n_heads, d_model // n_heads, rng=rng)
    return Attention(heads[0], masks=masks, memory=front), NeuralMemory(heads[1], rng=rng)


def memory_as_context(d_model, n_heads, *, rng, width=8, n_persistent=4):
    """MAC with a matrix for a memory."""
    return MemoryAsContext(*_parts(d_model, n_heads, [Twice()], n_persistent, rng), width)


def memory_as_gate(d_model, n_heads, *, rng, width=8, n_persistent=4):
    """MAG: window attention and a memory beside each other, joined by Modulate: the attention is the gate.

    Source: arXiv 2501.00663, section 4.2. Ours: persistent vectors do not go through the memory.
    """
    masks = [Causal(), Window(width - 1)]
    attention, memory = _parts(d_model, n_heads, masks, n_persistent, rng)
    return Parallel([PersistentWindow(attention, width), memory], Modulate(d_model))


def memory_as_layer(d_model, n_heads, *, rng, width=8, n_persistent=4):
    """MAL: window attention reads what a memory wrote. Source: arXiv 2501.00663, section 4.3.

    Ours: persistent vectors do not go through the memory.
    """
    masks = [Causal(), Window(width - 1)]
    attention, memory = _parts(d_model, n_heads, masks, n_persistent, rng)
    return Sequential([memory, PersistentWindow(attention, width)])


make = memory_as_context
