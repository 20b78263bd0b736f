"""The window mask."""

from ...errors import ArgumentError


class Window:
    """|q_pos - k_pos| <= half: the query's own place and `half` on each side, with Causal the `half` before.

    Source: arXiv 1508.04025, section 3.2 (local-m, D = half); arXiv 2004.05150, section 3.1.
    """

    def __init__(self, half):
        if not half >= 0:
            raise ArgumentError("Window(half)", expected="half >= 0", got=half, hint="Window(4)")
        self.half = half

    @property
    def window(self):
        return self.half, self.half

    def __call__(self, t):
        return abs(t.q_pos[:, None] - t.k_pos[None, :]) <= self.half
