"""Several mixers beside each other."""

from ...autodiff import no_grad
from .base import Mixer
from .join import Sum


class Parallel(Mixer):
    """Every mixer reads x; `join` makes one output of theirs.

    mixers   a list of Mixers
    join     Sum (default), Average, Concat or Gate
    """

    taxonomy = ("hybrid", "parallel")

    def __init__(self, mixers, join=None):
        self.mixers, self.join = list(mixers), join or Sum()

    def forward(self, x, valid=None):
        return self.join(x, [mixer(x, valid=valid) for mixer in self.mixers])

    def step(self, x, state=None):
        states = state or [None] * len(self.mixers)
        outs, after = zip(*(mixer.step(x, one) for mixer, one in zip(self.mixers, states, strict=True)))
        with no_grad():
            return self.join(x, list(outs)), list(after)

    def state_floats(self, length):
        return sum(mixer.state_floats(length) for mixer in self.mixers)

    def flops(self, length):
        return sum(mixer.flops(length) for mixer in self.mixers)
