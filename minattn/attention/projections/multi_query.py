"""Multi-query projection."""

from .multi_head import MultiHead


class MultiQuery(MultiHead):
    """H query heads that share a single key head and a single value head.

    Arguments as in MultiHead. Source: arXiv 1911.02150, section 3.
    """

    def __init__(self, d_model, n_heads, *, rng, d_context=None, bias=True):
        self._setup(d_model, n_heads, 1, rng, d_context or d_model, bias)
