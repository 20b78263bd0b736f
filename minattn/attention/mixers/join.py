"""What Parallel does with the outputs of its mixers: x, [y_1, y_2, ..] -> y, all (B,T,d_model)."""

from ...autodiff import ops
from ...nn import Linear, Module


class Sum(Module):
    """y_1 + y_2 + .."""

    def forward(self, x, outs):
        total = outs[0]
        for out in outs[1:]:
            total = total + out
        return total


class Average(Module):
    """share_1 y_1 + share_2 y_2 + ..

    shares   numbers that add up to 1; default equal ones
    """

    def __init__(self, shares=None):
        self.shares = shares

    def forward(self, x, outs):
        shares = self.shares or [1 / len(outs)] * len(outs)
        return Sum()(x, [out * share for out, share in zip(outs, shares, strict=True)])


class Concat(Module):
    """W [y_1; y_2; ..]: side by side, then mapped back to d_model.

    n_mixers   how many there are
    """

    def __init__(self, d_model, n_mixers, *, rng):
        self.w = Linear(n_mixers * d_model, d_model, rng=rng)

    def forward(self, x, outs):
        return self.w(ops.concatenate(outs, axis=-1))


class Gate(Module):
    """g_1 y_1 + g_2 y_2 + .. with g = softmax(W x): each token chooses among the mixers.

    n_mixers   how many there are
    """

    def __init__(self, d_model, n_mixers, *, rng):
        self.w = Linear(d_model, n_mixers, rng=rng)

    def forward(self, x, outs):
        gates = ops.softmax(self.w(x), axis=-1)
        return Sum()(x, [out * gates[..., i : i + 1] for i, out in enumerate(outs)])
