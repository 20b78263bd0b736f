"""The next token of a LanguageModel through one kernel a layer, where its slots are the plain ones.

A `Stepper` asks the table of kernels for "next token" before it calls the model. The answer comes from the
modules and parameters that the model has at that moment, and from the same caches: the two ways can take
turns. Where anything is not as these kernels know it, they decline, and the model itself answers or raises.
"""

import math
from operator import attrgetter

import numpy as np

from ..attention import Attention, Causal, GroupedQuery, MultiHead, MultiQuery, Rotary, ScaledDot, Softmax
from ..attention.recording import is_recorded
from ..backends import Declined, kernel
from ..nn import Embedding, FeedForward, Linear, RMSNorm, SwiGLU
from . import token_kernels
from .language_model import Block, Caches, LanguageModel

ROWS = 32  # more rows are not measured here: a product reads its weights again for each row
NONE = np.zeros(0, np.float32)  # stands for the bias that a map does not have
LAYERS = {FeedForward: token_kernels.gelu_layer, SwiGLU: token_kernels.swiglu_layer}
PROJECTIONS = (MultiHead, GroupedQuery, MultiQuery)
MAPS = [f"attention.projection.{name}" for name in ("w_q", "w_k", "w_v", "w_o")]
WIDE = {FeedForward: ["w_1", "w_2"], SwiGLU: ["w_1", "v", "w_2"]}
PARTS = {
    kind: attrgetter(
        "attention", "attention.projection", "attention.score", "attention.weights", "feed_forward",
        "norm_1", "norm_2", *MAPS, *(f"feed_forward.{name}" for name in names),
    )
    for kind, names in WIDE.items()
}  # fmt: skip


@kernel("next token", "numba")
def _(model, ids, caches):
    """log p(next) (N, V) after the tokens ids (N, 1); the caches then hold these tokens too."""
    if reason := model_differs(model, ids, caches):
        return Declined(reason)
    table, place = model.embed.weight.data, caches.place
    x = token_kernels.embedded(ids[:, 0].astype(np.int64), table, math.sqrt(model.d_model))
    for block, cache in zip(model.blocks, caches.layers):
        parts = parts_of(block)
        if parts is None or caches.plain.get(block) != parts:
            if reason := block_differs(block):
                return Declined(reason)
            caches.plain[block] = parts
        attention, kind = block.attention, block.feed_forward.__class__
        if is_recorded(attention):
            return Declined("somebody records")
        if (kept := cache.open(attention, len(x))) is None:
            return Declined("the cache has other rows, or padding")
        rotary = attention.positions
        angles = rotary[0].angles_at(place) if rotary else (table[:1, :0], table[:1, :0])
        if not LAYERS[kind](x, place, *angles, *kept, *arrays_of(*parts[0])):
            return Declined("the sizes do not fit together")
    for cache in caches.layers:
        cache.close()
    return token_kernels.log_probabilities(x, model.norm.gain.data, model.norm.eps, table)


def parts_of(block):
    """(the modules inside a block, what else its attention is made of, how many attributes each has).

    While none of this changes, neither does what the block computes, except through its parameters.
    None where the block is not made of the usual parts.
    """
    try:
        parts, attention = PARTS[block.feed_forward.__class__](block), block.attention
        others = [block, attention.memory, *attention.masks, *attention.positions]
    except (AttributeError, KeyError):
        return None
    return parts, others, [len(part.__dict__) for part in (block, *parts)]


def arrays_of(attention, projection, score, weights, feed_forward, norm_1, norm_2, *maps):
    """What a layer's kernel takes of its block: gain and eps of the norms, weight and bias of the maps."""
    arrays = [norm_1.gain.data, norm_1.eps, norm_2.gain.data, norm_2.eps]
    for part in maps:
        arrays += part.weight.data, NONE if part.bias is None else part.bias.data
    return arrays


def model_differs(model, ids, caches):
    """Why a model, its state or its tokens as a whole are not for these kernels, or None."""
    if model.__class__ is not LanguageModel or caches.__class__ is not Caches:
        return "another model than LanguageModel"
    if ids.shape[1] > 1:
        return "several new tokens at once"
    if len(ids) > ROWS:
        return "many rows"
    if model.positions is not None:
        return "positions that act on the embeddings"
    table, norm = model.embed, model.norm
    if table.__class__ is not Embedding:
        return "another table than Embedding"
    if norm.__class__ is not RMSNorm:
        return "another norm than RMSNorm"
    if overridden((model, table, norm)):
        return "a forward of its own"
    if table.weight.data.dtype != np.float32:
        return "not float32"
    if norm.gain.data.shape != table.weight.data.shape[1:]:
        return "the sizes do not fit together"
    return None


def block_differs(block):
    """Why a block is not for these kernels, or None."""
    if block.__class__ is not Block:
        return "another block than attention and feed-forward"
    attention, kind, norms = block.attention, block.feed_forward.__class__, (block.norm_1, block.norm_2)
    if attention.__class__ is not Attention or kind not in LAYERS:
        return "another attention, or another block than FeedForward or SwiGLU"
    if attention.projection.__class__ not in PROJECTIONS:
        return "another projection than heads"
    if attention.score.__class__ is not ScaledDot or attention.weights.__class__ is not Softmax:
        return "other scores or weights than softmax(q k / sqrt(d))"
    if [mask.__class__ for mask in attention.masks] != [Causal]:
        return "other masks than Causal alone"
    if [position.__class__ for position in attention.positions] not in ([], [Rotary]):
        return "other positions than Rotary alone"
    if attention.memory is not None:
        return "a memory"
    if [norm.__class__ for norm in norms] != [RMSNorm, RMSNorm]:
        return "another norm than RMSNorm"
    parts = PARTS[kind](block)
    if any(part.__class__ is not Linear for part in parts[7:]):
        return "another map than Linear"
    return "a forward of its own" if overridden((block, *parts, *attention.positions)) else None


def overridden(modules):
    """Whether one of the modules has a forward that its class does not have."""
    return any("forward" in module.__dict__ for module in modules)
