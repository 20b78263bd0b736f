"""What is done to queries and keys before their features, so that products stay in a range."""

from ...autodiff import ops
from ...backends import xp
from ...nn import Module


class Standardised(Module):
    """Each query and key gets mean 0 and variance 1 over its own elements, then `feature`.

    With a scale of d^(-1/4) in the features, s = q . k / sqrt(d) lies between -sqrt(d) and sqrt(d).
    Source: arXiv 2402.07901, section 2.1.
    """

    def __init__(self, feature):
        self.feature = feature

    def forward(self, q, k):
        return self.feature(*map(self._standard, (q, k)))

    def _standard(self, x):
        x = _centred(x)
        return x * (_mean(x * x) + 1e-6) ** -0.5


class CentredByLongest(Module):
    """Subtract the mean over its own elements, divide by the longest vector of the head, then `feature`.

    Then |q . k| <= 1. The longest is looked for among all tokens, later ones too: not for decoding, and no
    Mixer that must not look ahead. Its length is a number, which no gradient reaches. Source: code of arXiv
    2402.07901.
    """

    def __init__(self, feature):
        self.feature = feature

    def forward(self, q, k):
        return self.feature(*map(self._scaled, (q, k)))

    def _scaled(self, x):
        x = _centred(x)
        length = xp.sqrt(xp.sum(x.data * x.data, axis=-1, keepdims=True))
        return x / (xp.max(length, axis=-2, keepdims=True, initial=0) + 1e-6)


def _centred(x):
    return x - _mean(x)


def _mean(x):
    """Over the last axis; other axes may be empty."""
    return ops.sum(x, axis=-1, keepdims=True) / x.shape[-1]
