"""Dual attention: some heads gather what objects are, others how they compare."""

from ..autodiff import ops
from ..errors import ArgumentError
from ..nn import Module
from .anatomy import Attention
from .positions import Relations
from .projections import SomeHeads, SymbolHeads


class DualAttention(Module):
    """[sensory(x); relational(x)]: the outputs of two attentions side by side.

    sensory      an Attention over the features of objects, or None
    relational   an Attention whose heads gather relations and symbols, or None
    Called as they are. Raises ArgumentError where both are None. Source: arXiv 2405.16727, algorithm 1.
    """

    def __init__(self, sensory, relational):
        if sensory is None and relational is None:
            raise ArgumentError(
                "DualAttention", expected="an attention", got="None twice", hint="sensory=..."
            )
        self.sensory, self.relational = sensory, relational

    def forward(self, x, context=None, **given):
        heads = [part for part in (self.sensory, self.relational) if part is not None]
        outs = [part(x, context, **given) for part in heads]
        return outs[0] if len(outs) == 1 else ops.concatenate(outs, axis=-1)


def sensory_heads(d_model, n_heads, d_head, *, rng, **slots):
    """An Attention of n_heads ordinary heads, n_heads * d_head numbers long."""
    return Attention(SomeHeads(d_model, n_heads, d_head, rng=rng), **slots)


def relational_heads(d_model, n_heads, d_head, symbols, *, rng, relations=None, **slots):
    """An Attention of n_heads relational heads with these `symbols`, n_heads * d_head numbers long.

    relations   options of Relations: n_relations, d_relation, symmetric
    """
    found = Relations(d_model, n_heads, d_head, rng=rng, **(relations or {}))
    positions = [*slots.pop("positions", ()), found]
    return Attention(SymbolHeads(d_model, n_heads, d_head, symbols, rng=rng), positions=positions, **slots)
