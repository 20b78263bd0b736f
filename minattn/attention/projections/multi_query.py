"""Multi-query projection."""

from .multi_head import MultiHead


class MultiQuery(MultiHead):
    """H query heads that share a single key head and a single value head.

    Arguments as in MultiHead. Source: arXiv 1911.02150, section 3.
    """

    def __init__(self, d_model, n_heads, **options):
        super().__init__(d_model, n_heads, n_kv_heads=1, **options)
