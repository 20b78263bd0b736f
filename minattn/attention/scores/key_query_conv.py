"""Scores that look at their neighbours."""

import numpy as np

from ...autodiff import ops
from ...errors import ArgumentError
from ...nn import Parameter
from ...nn.checks import check_sizes
from .base import Score
from .dot import ScaledDot


def convolve(scores, kernel):
    """out_ij = sum_{a, b} kernel_ab scores_{i-a, j-b}: each head with its own kernel, shift by shift.

    scores   (B,H,T,S)
    kernel   (H,c_q,c_k); a = 0 .. c_q-1 are this query and those before it, b = -(c_k // 2) .. are keys on
             both sides. What is outside counts as 0.
    Returns (B,H,T,S). Source: arXiv 2504.00927, equation 6.
    """
    (t, s), (c_q, c_k) = scores.shape[2:], kernel.shape[1:]
    left, right = (c_k - 1) // 2, c_k // 2  # the shift b is at least -right, at most left
    padded = ops.pad(scores, ((0, 0), (0, 0), (c_q - 1, 0), (left, right)))
    shifted = [
        kernel[:, a, b, None, None]
        * padded[:, :, c_q - 1 - a : c_q - 1 - a + t, c_k - 1 - b : c_k - 1 - b + s]
        for a in range(c_q)
        for b in range(c_k)
    ]
    return sum(shifted[1:], shifted[0])


class KeyQueryConv(Score):
    """Another score's values, each mixed with those of earlier queries and of neighbouring keys.

        scores = conv(where(mask, score(q, k), 0)),   see `convolve`; the page masks the result once more

    What no query may see is set to 0 before the convolution, by the attention's own masks: else the score
    of a later key would come in from the right.

    n_heads   kernels (n_heads, c_q, c_k), one a head; they start as the score itself
    c_q       this query and c_q - 1 before it: to decode, use a QueryCache(c_q - 1)
    c_k       keys, c_k // 2 on each side
    score     whose values are mixed, default ScaledDot()
    Biases by position are added afterwards. Source: arXiv 2504.00927, equations 5 to 7.
    """

    by_place = True  # the neighbours of a key are those beside it

    def __init__(self, n_heads, c_q, c_k, score=None):
        check_sizes("KeyQueryConv", n_heads=n_heads, c_q=c_q, c_k=c_k)
        self.score = ScaledDot() if score is None else score
        if not isinstance(self.score, Score):
            raise ArgumentError(
                "KeyQueryConv(score)",
                expected="a Score",
                got=repr(score),
                hint="KeyQueryConv(4, 2, 9, Dot())",
            )
        self.n_heads, self.d_query, self.d_key = n_heads, self.score.d_query, self.score.d_key
        start = np.zeros((n_heads, c_q, c_k))
        start[:, 0, c_k // 2] = 1
        self.kernel, self._mask = Parameter(start), None

    def fits(self, attention):
        """Called by the attention that this score is part of: here it learns whose masks it must obey."""
        if hasattr(self.score, "fits"):
            self.score.fits(attention)
        self._mask = attention.mask

    def forward(self, t):
        if self._mask is not None:
            self._mask(t)
        scores = self.score(t)
        return convolve(scores if t.mask is None else ops.where(t.mask, scores, 0.0), self.kernel)
