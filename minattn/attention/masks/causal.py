"""The causal mask."""


class Causal:
    """k_pos <= q_pos: nobody sees the future. Source: arXiv 1706.03762, section 3.2.3."""

    window = (None, 0)

    def __call__(self, t):
        return t.k_pos[None, :] <= t.q_pos[:, None]
