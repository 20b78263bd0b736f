"""Summaries of earlier segments, first in, first out."""

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Linear, Module, Parameter, init
from ...nn.checks import check_sizes


class FIFOMemory(Module):
    """A bank of the last m summaries; each segment, once it is over, adds one and pushes the oldest out.

        u = sum_t softmax_t(w_p . h_t) h_t                  what the segment held
        g = sigmoid(W_g [u; m_last] + b_g)                  how much of it is new
        m_new = g * tanh(W_u u) + (1 - g) * m_last          the only step that has an order
        M <- [M_2, .., M_m, m_new]                          a new bank: nothing is changed in place

    d_model  length of h and of a slot
    n_slots  m
    summary  "pooled" (learned, as above) or "mean"
    b_g starts at 1 and w_p at 0. Source: arXiv 2507.00453. Ours: all four formulas; the abstract and the
    introduction say that a gated FIFO bank holds summaries of past chunks, not how.
    """

    def __init__(self, d_model, n_slots, *, rng, summary="pooled"):
        check_sizes("FIFOMemory", d_model=d_model, n_slots=n_slots)
        if summary not in ("pooled", "mean"):
            raise ArgumentError(
                "FIFOMemory(summary=...)", expected="'pooled' or 'mean'", got=repr(summary), hint="'pooled'"
            )
        self.d_model, self.n_slots, self.summary = d_model, n_slots, summary
        self.pool = Parameter(np.zeros((d_model, 1)))
        self.update = Linear(d_model, d_model, rng=rng)
        self.gate_new = Linear(d_model, d_model, rng=rng)
        self.gate_last = Parameter(init.fan_in(rng, (d_model, d_model)))
        self.gate_new.bias.data += 1

    def summarise(self, h, valid=None):
        """h (B,n,L,d_model), valid (B,n,L) or None -> u (B,n,d_model); 0 where a segment has no token."""
        flat = xp.zeros((*h.shape[:3], 1), dtype=h.dtype)
        scores = flat if self.summary == "mean" else h @ self.pool
        weights = ops.softmax(ops.swapaxes(scores, -1, -2), None if valid is None else valid[:, :, None])
        return (weights @ h)[:, :, 0]

    def slots(self, h, valid=None, last=None):
        """The slot that each of the segments h (B,n,L,d_model) leaves: (B,n,d_model), all in one call.

        last   (B,1,d_model), the newest slot before them; None = the bank is empty, which counts as 0
        """
        u = self.summarise(h, valid)
        new, gate = ops.tanh(self.update(u)), self.gate_new(u)
        last, made = xp.zeros((len(u), 1, self.d_model), dtype=u.dtype) if last is None else last, []
        for i in range(u.shape[1]):
            here = slice(i, i + 1)
            g = ops.sigmoid(gate[:, here] + ops.linear(last, self.gate_last))
            last = g * new[:, here] + (1 - g) * last
            made.append(last)
        return ops.concatenate(made, axis=1)

    def write(self, bank, h, valid=None):
        """The bank (B, <= m, d_model), or None, after one more segment h (B,L,d_model)."""
        last = None if bank is None else bank[:, -1:]
        slot = self.slots(h[:, None], None if valid is None else valid[:, None], last)
        return slot if bank is None else ops.concatenate([bank, slot], axis=1)[:, -self.n_slots :]

    def visible(self, n_segments, length=None):
        """(n, n) boolean: the bank of segment t holds the slots of segments t - m .. t - 1."""
        back = xp.arange(n_segments)[:, None] - xp.arange(n_segments)[None, :]
        return (back >= 1) & (back <= self.n_slots)

    def floats(self):
        """Numbers that one stream carries, however long it is."""
        return self.n_slots * self.d_model


class TokenCache(Module):
    """The plain rival: the last n tokens before a segment, as they are. It learns nothing.

    n_tokens   how many; 0 = no memory
    """

    def __init__(self, d_model, n_tokens):
        self.d_model, self.n_tokens = d_model, n_tokens

    def slots(self, h, valid=None):
        """Every token of the segments h (B,n,L,d_model) is a slot."""
        return h.reshape(len(h), -1, self.d_model)

    def write(self, bank, h, valid=None):
        both = h if bank is None else ops.concatenate([bank, h], axis=1)
        return both[:, max(both.shape[1] - self.n_tokens, 0) :]

    def visible(self, n_segments, length):
        """(n, n length) boolean: the tokens just before each segment."""
        back = xp.arange(n_segments)[:, None] * length - xp.arange(n_segments * length)[None, :]
        return (back >= 1) & (back <= self.n_tokens)

    def floats(self):
        return self.n_tokens * self.d_model
