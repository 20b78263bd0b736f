"""Only the k best keys."""

from dataclasses import replace

from ...autodiff import as_tensor
from ...backends import xp
from ...nn.checks import check_sizes
from .base import Weights
from .softmax import Softmax


class TopK(Weights):
    """Hide all but the k largest scores of each row, then weigh the rest: hard attention to k keys.

        w = weights(scores where they are among the k largest of their row, -inf elsewhere)

    k         keys that keep a weight; rows that may attend to fewer keep those
    weights   how the survivors are weighed, default Softmax
    Of equal scores the earlier key is kept. No gradient reaches the others.
    Source: arXiv 2010.03688, section 3 (selective hard attention).

    >>> import numpy as np
    >>> from minattn.attention import Trace
    >>> TopK(1)(Trace(None, None, scores=np.array([2.0, 5.0, 5.0]))).numpy().tolist()
    [0.0, 1.0, 0.0]
    """

    def __init__(self, k, weights=None):
        check_sizes("TopK", k=k)
        self.k, self.weights = k, weights or Softmax()
        self.sums_to_one = self.weights.sums_to_one

    def forward(self, t):
        scores = as_tensor(t.scores).data
        ranked = scores if t.mask is None else xp.where(t.mask, scores, -xp.inf)
        place = xp.argsort(xp.argsort(-ranked, axis=-1, kind="stable"), axis=-1)
        kept = place < self.k
        return self.weights(replace(t, mask=kept if t.mask is None else kept & t.mask))

    def finish(self, heads):
        return self.weights.finish(heads)
