"""Attention as the literature names it: each recipe fills the slots of the anatomy."""

from .anatomy import Attention
from .masks import Window
from .projections import GroupedQuery, Identity, MultiHead, MultiQuery
from .scores import Additive, Concat, Dot, General, Location
from .weights import LocalGaussian


def multi_head(d_model, n_heads, *, rng, d_context=None, **slots):
    """Multi-head scaled dot-product attention; `slots` as in Attention. Source: arXiv 1706.03762.

    >>> import numpy as np
    >>> attn = multi_head(6, 2, rng=np.random.default_rng(0), masks=[Window(1)])
    >>> attn(np.zeros((5, 7, 6))).shape
    (5, 7, 6)
    """
    return Attention(MultiHead(d_model, n_heads, rng=rng, d_context=d_context), **slots)


def grouped_query(d_model, n_heads, n_kv_heads, *, rng, d_context=None, **slots):
    """Groups of query heads share a key head and a value head. Source: arXiv 2305.13245."""
    return Attention(GroupedQuery(d_model, n_heads, n_kv_heads, rng=rng, d_context=d_context), **slots)


def multi_query(d_model, n_heads, *, rng, d_context=None, **slots):
    """All query heads share one key head and one value head. Source: arXiv 1911.02150."""
    return Attention(MultiQuery(d_model, n_heads, rng=rng, d_context=d_context), **slots)


def bahdanau(d_query, d_key, d_hidden, *, rng):
    """Additive scores, one head, no projections. Source: arXiv 1409.0473."""
    return Attention(Identity(), score=Additive(d_query, d_key, d_hidden, rng=rng))


def luong_dot():
    """Dot scores, one head, no projections: queries and keys of one length. Source: arXiv 1508.04025."""
    return Attention(Identity(), score=Dot())


def luong_general(d_query, d_key, *, rng):
    """Bilinear scores. Source: arXiv 1508.04025."""
    return Attention(Identity(), score=General(d_query, d_key, rng=rng))


def luong_concat(d_query, d_key, d_hidden, *, rng):
    """Concatenation scores. Source: arXiv 1508.04025."""
    return Attention(Identity(), score=Concat(d_query, d_key, d_hidden, rng=rng))


def luong_location(d_query, max_len, *, rng):
    """Scores from the query alone. Source: arXiv 1508.04025, equation 8."""
    return Attention(Identity(), score=Location(d_query, max_len, rng=rng))


def luong_local_m(half, *, score=None):
    """Local attention around the query's own place; score is Dot() by default.

    Source: arXiv 1508.04025, section 3.2.
    """
    return Attention(Identity(), score=score or Dot(), masks=[Window(half)])


def luong_local_p(d_query, half, *, rng, score=None):
    """Local attention around a predicted place; score is Dot() by default.

    Source: arXiv 1508.04025, section 3.2.
    """
    return Attention(Identity(), score=score or Dot(), weights=LocalGaussian(d_query, half, rng=rng))
