"""The first tokens and the last ones."""

from ...errors import ArgumentError


class Sinks:
    """k_pos < n, or within `half` of the query: the first tokens stay, the others leave a sliding window.

    n      first places that everybody may attend to (attention sinks)
    half   as in Window; with Causal, the query's own place and `half` before
    Source: arXiv 2309.17453, section 3.2.

    >>> from minattn.attention import Trace
    >>> t = Trace(None, None, q_pos=np.arange(5), k_pos=np.arange(5))
    >>> Sinks(1, 1)(t)[4].tolist()
    [True, False, False, True, True]
    """

    def __init__(self, n, half):
        if not (n >= 0 and half >= 0):
            raise ArgumentError(
                "Sinks(n, half)", expected="n >= 0 and half >= 0", got=(n, half), hint="Sinks(4, 8)"
            )
        self.n, self.half = n, half

    def __call__(self, t):
        near = abs(t.q_pos[:, None] - t.k_pos[None, :]) <= self.half
        return near | (t.k_pos[None, :] < self.n)
