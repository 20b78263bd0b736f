"""A table of vectors, one a token."""

from ..autodiff import ops
from . import init
from .checks import check_sizes
from .module import Module, Parameter


class Embedding(Module):
    """Rows of a learned table.

    n_tokens   size of the vocabulary
    d_model    length of each vector; weight is (n_tokens, d_model)
    std        spread of the start values
    ids, integers of any shape -> (*ids.shape, d_model).
    Raises DTypeError or ArgumentError for ids that are not integers in 0..n_tokens-1.
    """

    def __init__(self, n_tokens, d_model, *, rng, std=0.5):
        check_sizes("Embedding", n_tokens=n_tokens, d_model=d_model)
        self.n_tokens, self.d_model = n_tokens, d_model
        self.weight = Parameter(init.normal(rng, (n_tokens, d_model), std))

    def forward(self, ids):
        return ops.embedding(self.weight, ids)
