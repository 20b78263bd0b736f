"""An associative memory: attention that reads its own answer again, going downhill on an energy."""

from ..autodiff import as_tensor, ops
from .anatomy import Attention
from .projections import Identity
from .scores import Dot


def energy(x, keys, beta):
    """-log sum over s of exp(beta x . k_s), over beta, plus |x|^2 / 2: the free energy once the parent is
    summed out.

    x (B,T,d), keys (B,S,d), beta > 0: how sharply one key is preferred; returns (B,T). Its slope is
    x - softmax(beta x K^T) K, so that a step of length 1 downhill is one read by attention.
    Source: arXiv 2304.04556, iterative attention; arXiv 2008.02217, equation 2.
    """
    x, keys = as_tensor(x), as_tensor(keys)
    scores = beta * (x @ ops.swapaxes(keys, -1, -2))
    return 0.5 * ops.sum(x * x, axis=-1) - ops.logsumexp(scores) / beta


def settle(x, keys, beta, steps):
    """Read `steps` times: x <- softmax(beta x K^T) K. Returns [x after 0, 1, .. steps reads].

    x (B,T,d), keys (B,S,d). The energy never rises: a concave-convex step. With a small beta x slides into
    the mean of many keys. Source: arXiv 2008.02217, equation 3.
    """
    attention, states = Attention(Identity(), score=Dot()), [as_tensor(x)]
    for _ in range(steps):
        states.append(attention(beta * states[-1], keys))
    return states
