"""What mixes tokens in a block, and what it must say about its cost."""

from ...nn import Module


class Mixer(Module):
    """Base: what a transformer block holds beside its feed-forward half. It is causal.

    forward       x (B,T,d_model), valid (B,T) boolean or None -> (B,T,d_model)
    step          one token: x (B,1,d_model) and the state that the last step left -> out, next state
    state_floats  numbers that decoding carries for one sequence after `length` tokens
    flops         multiply-adds of one sequence of `length` tokens in the core: scores, values and updates
                  of a state, not the projections, which all mixers have

    `forward` equals repeated `step`, and no output depends on a later input (both tested for every mixer).
    taxonomy      (family, kind) as in arXiv 2507.19595: `minattn papers --by taxonomy` shows the tree
    """

    taxonomy = ()

    def step(self, x, state=None):
        raise NotImplementedError(f"{type(self).__name__} has no step: it cannot decode token by token")

    def state_floats(self, length):
        raise NotImplementedError(f"{type(self).__name__} does not say how large its state is")

    def flops(self, length):
        raise NotImplementedError(f"{type(self).__name__} does not say what it costs")
