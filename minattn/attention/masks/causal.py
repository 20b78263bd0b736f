"""The causal mask."""


class Causal:
    """k_pos <= q_pos: nobody sees the future."""

    def __call__(self, t):
        return t.k_pos[None, :] <= t.q_pos[:, None]
