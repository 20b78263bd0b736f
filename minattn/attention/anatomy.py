"""THE anatomy of attention: one straight run of named steps over one record.

    project   q (B,H,T,d), k and v (B,H,S,d), with their places q_pos (T,) and k_pos (S,)
    remember  a memory may lengthen, drop or compress k, v and k_pos together, or put keys in front
    rotate    positions that act on q and k
    share     query heads of a group use the same k and v (the fused primitive needs no copies)
    compare   how well each query fits each key: scores (B,H,T,S)
    bias      positions that act on scores
    mask      True = may attend
    weigh     scores become weights, rows of a distribution
    gather    weights @ v
    merge     heads -> d_model

A mechanism is a small object in one slot. It gets the record and returns its piece.
"""

from dataclasses import dataclass, field

from ..autodiff import Tensor, as_tensor, ops
from ..backends import xp
from ..nn import Module
from .checks import check_call, check_slots
from .memory.front import join, placed
from .recording import is_recorded, keep
from .scores import ScaledDot
from .structure import fused
from .weights import Softmax


@dataclass(eq=False, repr=False)
class Trace:
    """The record: everything that one pass of attention made, in the order in which it made it."""

    x: Tensor  # (B,T,d_model) what asks
    context: Tensor  # (B,S,d_model) what is asked: x itself in self-attention
    valid: object = None  # (B,S) boolean, False = padding; None = all are real
    cache: object = None  # keys and values of earlier calls
    start: int = 0  # the place of the first query, where no cache counts
    extra: dict = field(default_factory=dict)  # what single mechanisms need or leave behind
    q: Tensor = None  # (B,H,T,d)
    k: Tensor = None  # (B,H,S,d)
    v: Tensor = None  # (B,H,S,d)
    q_pos: object = None  # (T,) integers
    k_pos: object = None  # (S,) integers
    offset: int = None  # first of q_pos less first of k_pos; None where places do not go up by 1
    front: object = None  # keys without a place, which come first: memory/front.py
    scores: Tensor = None  # (B,H,T,S), biases included
    mask: object = None  # boolean, broadcasts to (B,H,T,S), or None = all may attend
    weights: Tensor = None  # (B,H,T,S), exactly 0 where the mask is False
    heads: Tensor = None  # (B,H,T,d) what each head gathered
    out: Tensor = None  # (B,T,d_model)

    def __repr__(self):
        return "\n".join(f"{name:8} {getattr(piece, 'shape', piece)}" for name, piece in vars(self).items())


class Attention(Module):
    """Attention with one mechanism in each slot.

    projection  x, context -> q, k, v, and heads -> out       (projections/)
    score       q, k -> scores, default ScaledDot              (scores/)
    positions   a list; each may rotate, bias and gather       (positions/)
    masks       a list; a key must pass all of them            (masks/)
    weights     scores, mask -> weights, default Softmax       (weights/)
    memory      changes k, v and their places together         (memory/)
    dropout     an nn.Dropout for the weights

    Called with x (and context; valid, cache, start as in Trace), it returns out (B,T,d_model). A query that
    may attend nowhere gathers zeros. Slots or input that do not fit raise one of minattn.errors.
    """

    def __init__(
        self, projection, *, score=None, positions=(), masks=(), weights=None, memory=None, dropout=None
    ):
        self.projection, self.score, self.positions = projection, score or ScaledDot(), positions
        self.masks, self.weights, self.memory, self.dropout = masks, weights or Softmax(), memory, dropout
        check_slots(self)

    def trace(self, x, context=None, **given):
        """Run every step, one by one, and return the record."""
        t = self.begin(x, context, **given)
        for step in (self.share, self.compare, self.bias, self.mask, self.weigh, self.gather, self.merge):
            step(t)
        return keep(self, t)

    def forward(self, x, context=None, **given):
        """The output of `trace`, through one fused primitive where the slots are the plain ones."""
        if is_recorded(self) or not self.fuses():
            return self.trace(x, context, **given).out
        t = self.begin(x, context, **given)
        t.heads = fused(self, t)
        self.merge(t)
        return t.out

    def fuses(self):
        """True where softmax(scale q k^T + constant) v is all that happens between share and merge."""
        plain = all(slot.fuses for slot in (self.score, self.weights, *self.positions))
        return plain and not (self.dropout and self.dropout.acts)

    def begin(self, x, context=None, *, valid=None, cache=None, start=0, **extra):
        """The steps that both ways have in common."""
        x = as_tensor(x)
        t = Trace(x, x if context is None else as_tensor(context), valid, cache, start, extra)
        check_call(self, t)
        for step in (self.project, self.remember, self.rotate):
            step(t)
        return t

    def project(self, t):
        t.q, t.k, t.v = self.projection(t.x, t.context)
        t.q_pos, t.offset = t.start + xp.arange(t.q.shape[2]), 0 if t.context is t.x else t.start
        t.k_pos = t.start - t.offset + xp.arange(t.k.shape[2])

    def remember(self, t):
        for memory in [m for m in (t.cache, self.memory) if m is not None]:
            t.offset = memory.remember(t)  # None where places no longer follow each other

    def rotate(self, t):
        for position in self.positions:
            t.q, t.k = position.rotate(t)

    def share(self, t):
        t.k, t.v = (ops.repeat_heads(x, t.q.shape[1] // x.shape[1]) for x in (t.k, t.v))

    def compare(self, t):
        t.scores = self.score(t)

    def bias(self, t):
        for position in self.positions:
            if (bias := position.bias(t)) is not None:
                t.scores = t.scores + bias

    def mask(self, t):
        t.mask = None if t.valid is None else t.valid[:, None, None, :]
        for rule in self.masks:
            t.mask = rule(t) if t.mask is None else t.mask & rule(t)

    def weigh(self, t):
        join(self, t)  # keys without a place come in here: no position and no mask has seen them
        t.weights = self.weights(t) if self.dropout is None else self.dropout(self.weights(t))

    def gather(self, t):
        t.heads = t.weights @ t.v
        for position in self.positions:
            if (extra := position.gather(placed(t))) is not None:
                t.heads = t.heads + extra
        t.heads = self.weights.finish(t.heads)

    def merge(self, t):
        t.out = self.projection.merge(t.heads)
