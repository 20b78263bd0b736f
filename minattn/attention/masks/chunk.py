"""The mask of chunks that do not see each other."""

from ...nn.checks import check_sizes


class Chunk:
    """Only keys of the query's own chunk, places 0 .. length-1, length .. 2 length-1 and so on.

    With Causal, a chunk of 1 is the query's own place alone; one as long as the text changes nothing.
    Source: arXiv 2507.00453 (chunked attention).
    """

    def __init__(self, length):
        check_sizes("Chunk", length=length)
        self.length = length

    def __call__(self, t):
        return t.q_pos[:, None] // self.length == t.k_pos[None, :] // self.length
