"""THE anatomy of attention: one straight run of named steps over one record.

    project   q (B,H,T,d)  k, v (B,H,S,d)  q_pos (T,)  k_pos (S,)
    remember  a memory may lengthen, drop or compress k, v and k_pos together
    rotate    positions that act on q and k
    score     how well each query fits each key, (B,H,T,S)
    bias      positions that act on scores
    mask      True = may attend
    weigh     scores become weights, rows of a distribution
    gather    weights @ v
    merge     heads -> d_model

A mechanism is a small object in one slot. It gets the record and returns its piece.
"""

from dataclasses import dataclass, field
from typing import Any

from ..autodiff import Tensor, as_tensor, ops
from ..backends import xp
from ..nn import Module
from .checks import check_input, check_slots
from .recording import is_recorded, keep
from .scores import ScaledDot
from .weights import Softmax


@dataclass
class Trace:
    """Everything that one pass of attention made, in the order in which it made it."""

    x: Tensor  # (B,T,d_model) what asks
    context: Tensor  # (B,S,d_model) what is asked: x itself in self-attention
    valid: Any = None  # (B,S) boolean, False = padding; None = all are real
    cache: Any = None  # keys and values of earlier calls
    start: int = 0  # the place of the first query, where no cache counts
    extra: dict = field(default_factory=dict)  # what single mechanisms need or leave behind
    q: Tensor = None  # (B,H,T,d)
    k: Tensor = None  # (B,H,S,d)
    v: Tensor = None  # (B,H,S,d)
    q_pos: Any = None  # (T,) integers
    k_pos: Any = None  # (S,) integers
    scores: Tensor = None  # (B,H,T,S), biases included
    mask: Any = None  # boolean, broadcasts to (B,H,T,S), or None = all may attend
    weights: Tensor = None  # (B,H,T,S), exactly 0 where the mask is False
    heads: Tensor = None  # (B,H,T,d) what each head gathered
    out: Tensor = None  # (B,T,d_model)


class Attention(Module):
    """Attention with one mechanism in each slot.

    projection  x, context -> q, k, v, and heads -> out       (projections/)
    score       q, k -> scores                                 (scores/, default ScaledDot)
    positions   a sequence; each may rotate, bias and gather   (positions/)
    masks       a sequence; a key must pass all of them        (masks/)
    weights     scores, mask -> weights                        (weights/, default Softmax)
    memory      changes k, v, k_pos and valid together         (memory/)
    dropout     an nn.Dropout for the weights

    Call it with x (B,T,d_model) and, for cross-attention, context (B,S,d_model); `valid` (B,S) marks real
    keys, `cache` carries keys from call to call. Returns (B,T,d_model); a query that may attend nowhere
    gathers zeros. Raises ArgumentError for slots that do not fit together, ShapeError for input that does not.
    """

    def __init__(self, projection, *, score=None, positions=(), masks=(), weights=None, memory=None, dropout=None):
        self.projection, self.score, self.weights = projection, score or ScaledDot(), weights or Softmax()
        self.positions, self.masks, self.memory = tuple(positions), tuple(masks), memory
        self.dropout = dropout
        check_slots(self)

    def trace(self, x, context=None, **given):
        """Run every step, one by one, and return the record."""
        t = self.begin(x, context, **given)
        for step in (self.fit, self.bias, self.mask, self.weigh, self.gather, self.merge):
            step(t)
        keep(self, t)
        return t

    def forward(self, x, context=None, **given):
        """The same output as `trace`, by the fused primitive where the slots are the plain ones."""
        if is_recorded(self) or not self.fuses():
            return self.trace(x, context, **given).out
        t = self.begin(x, context, **given)
        self.mask(t)
        biases = [b for p in self.positions if (b := p.bias(t)) is not None]
        bias = sum(biases[1:], biases[0]) if biases else None
        t.heads = ops.attention(t.q, t.k, t.v, t.mask, bias, scale=self.score.scale(t.q.shape[-1]))
        self.merge(t)
        return t.out

    def fuses(self):
        """True where softmax(scale q k^T + constant) v is all that happens."""
        plain = self.score.scale(1) is not None and type(self.weights) is Softmax
        noisy = self.dropout is not None and self.training and self.dropout.rate > 0
        return plain and not noisy and all(p.fuses for p in self.positions)

    def begin(self, x, context=None, *, valid=None, cache=None, start=0, **extra):
        """The steps that both ways share: project, remember, rotate."""
        x = as_tensor(x)
        t = Trace(x, x if context is None else as_tensor(context), valid, cache, start, extra)
        check_input(self, t)
        for step in (self.project, self.remember, self.rotate):
            step(t)
        return t

    def project(self, t):
        t.q, t.k, t.v = self.projection(t.x, t.context)
        start = t.start if t.cache is None else t.cache.length
        t.q_pos = start + xp.arange(t.q.shape[2])
        t.k_pos = (start if t.context is t.x else 0) + xp.arange(t.k.shape[2])

    def remember(self, t):
        for memory in (t.cache, self.memory):
            if memory is not None:
                memory.remember(t)
        group = t.q.shape[1] // t.k.shape[1]  # query heads that share one key head
        t.k, t.v = ops.repeat_heads(t.k, group), ops.repeat_heads(t.v, group)

    def rotate(self, t):
        for position in self.positions:
            t.q, t.k = position.rotate(t)

    def fit(self, t):
        t.scores = self.score(t)

    def bias(self, t):
        for position in self.positions:
            bias = position.bias(t)
            t.scores = t.scores if bias is None else t.scores + bias

    def mask(self, t):
        rules = [rule(t) for rule in self.masks]
        if t.valid is not None:
            rules.append(t.valid[:, None, None, :])
        for allowed in rules:
            t.mask = allowed if t.mask is None else t.mask & allowed

    def weigh(self, t):
        t.weights = self.weights(t)
        if self.dropout is not None:
            t.weights = self.dropout(t.weights)

    def gather(self, t):
        t.heads = t.weights @ t.v
        for position in self.positions:
            extra = position.gather(t)
            t.heads = t.heads if extra is None else t.heads + extra
        t.heads = self.weights.finish(t.heads)

    def merge(self, t):
        t.out = self.projection.merge(t.heads)
