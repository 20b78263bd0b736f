"""Attention by brute force: the mean of what is gathered over every graph that could join queries and keys.

A graph says which keys are the parents of each query. Its weight is the product of exp(score) over its edges.
Softmax attention is the mean over graphs with one parent a query, sigmoid attention over all graphs.
"""

import numpy as np

from ..errors import ArgumentError

MOST = 2**16  # graphs


def one_parent(scores, values):
    """The mean over the S^T graphs in which each query has exactly one parent.

    scores (T,S), values (S,d), NumPy arrays; returns (T,d). Softmax attention gives the same.
    Raises ArgumentError for more than 2^16 graphs. Source: arXiv 2304.04556, section 3.
    """
    n, s = scores.shape
    _few("one_parent", s**n)
    parents = np.indices((s,) * n).reshape(n, -1)  # (T, graphs)
    weight = np.exp(sum(scores[i, parents[i]] for i in range(n)))
    return np.einsum("g,tgd->td", weight / weight.sum(), values[parents])


def any_parents(scores, values):
    """The mean over the 2^(T S) graphs in which a query may have any number of parents.

    scores (T,S), values (S,d), NumPy arrays; returns (T,d). Sigmoid attention gives the same.
    Raises ArgumentError for more than 2^16 graphs. Source: arXiv 2304.04556 (independent edges).
    """
    _few("any_parents", 2**scores.size)
    graphs = np.indices((2,) * scores.size).reshape(*scores.shape, -1)  # (T, S, graphs)
    weight = np.exp((graphs * scores[..., None]).sum((0, 1)))
    return np.einsum("g,tsg,sd->td", weight / weight.sum(), graphs, values)


def _few(where, n):
    if n > MOST:
        raise ArgumentError(
            f"structures.{where}", expected=f"at most {MOST} graphs", got=n, hint="fewer queries or keys"
        )
