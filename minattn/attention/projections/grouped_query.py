"""Grouped-query projection."""

from .multi_head import MultiHead


class GroupedQuery(MultiHead):
    """H query heads in groups; each group shares one key head and one value head: a smaller cache.

    n_kv_heads   number of groups, divides n_heads; n_heads gives MultiHead, 1 gives MultiQuery
    The other arguments as in MultiHead. Source: arXiv 2305.13245, section 2.2.
    """

    def __init__(self, d_model, n_heads, n_kv_heads, **options):
        super().__init__(d_model, n_heads, n_kv_heads=n_kv_heads, **options)
