"""Several mixers behind each other."""

from .base import Mixer


class Sequential(Mixer):
    """Each mixer reads what the one before it wrote: the last one's output is the output.

    mixers   a list of Mixers
    """

    taxonomy = ("hybrid", "sequential")

    def __init__(self, mixers):
        self.mixers = list(mixers)

    def forward(self, x, valid=None):
        for mixer in self.mixers:
            x = mixer(x, valid=valid)
        return x

    def step(self, x, state=None):
        after = []
        for mixer, one in zip(self.mixers, state or [None] * len(self.mixers), strict=True):
            x, carried = mixer.step(x, one)
            after.append(carried)
        return x, after

    def state_floats(self, length):
        return sum(mixer.state_floats(length) for mixer in self.mixers)

    def flops(self, length):
        return sum(mixer.flops(length) for mixer in self.mixers)
