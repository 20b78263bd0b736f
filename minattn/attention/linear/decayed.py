"""Linear attention that forgets at a fixed rate."""

import math

from ...autodiff import Tensor, no_grad, ops
from ...backends import xp
from ...errors import ArgumentError
from ...nn import Module
from .heads import one_token, project


def unit_rms(x):
    """x divided by the root mean square of its last axis. Source: arXiv 2307.14995, SRMSNorm."""
    return x * (ops.sum(x * x, axis=-1, keepdims=True) / x.shape[-1] + 1e-6) ** -0.5


class DecayedLinear(Module):
    """Causal attention without a softmax in which a token counts less with each step: retention.

        S_t = gamma S_{t-1} + k_t v_t^T        out_t = normalise(q_t^T S_t)

    projection  as in Attention
    decay       gamma in (0, 1], one number a head; default 1 - 2^-5, 1 - 2^-6, .. for the heads in turn
    normalise   acts on each head's output (B,H,T,d), in place of a sum of weights; default `unit_rms`
    Three forms give the same numbers (tested): `parallel` (T x T), `forward` (chunks), `step` (one token).
    valid (B,T): padding adds nothing to S, and time goes on over it. Source: arXiv 2307.08621, section 2.
    Ours: no rotation of q and k, no gate on the output; the norm has no weights.

    >>> from minattn.attention import MultiHead
    >>> DecayedLinear(MultiHead(4, 2, rng=np.random.default_rng(0))).decay
    (0.96875, 0.984375)
    """

    def __init__(self, projection, decay=None, normalise=unit_rms):
        n_heads = projection.n_heads
        decay = [1 - 2.0 ** -(5 + h) for h in range(n_heads)] if decay is None else decay
        self.projection, self.normalise, self.decay = projection, normalise, tuple(map(float, decay))
        if len(self.decay) != n_heads or not all(0 < gamma <= 1 for gamma in self.decay):
            raise ArgumentError(
                "DecayedLinear(decay=...)",
                expected=f"{n_heads} numbers in (0, 1], one a head",
                got=self.decay,
                hint="None takes the usual ones",
            )

    def parallel(self, x, valid=None):
        """The readable form: x (B,T,d_model) -> (B,T,d_model) by the table q k^T gamma^(i - j)."""
        q, k, v = self._heads(x, valid)
        place = xp.arange(q.shape[2])
        gap = (place[:, None] - place).astype(q.dtype)
        weights = xp.exp(self._log(q.dtype)[:, None, None] * xp.maximum(gap, 0)) * (gap >= 0)
        return self._merge((q @ ops.swapaxes(k, -1, -2) * weights.astype(q.dtype)) @ v)

    def forward(self, x, valid=None):
        """The fast form, linear in T: see `ops.linear_attention`."""
        q, k, v = self._heads(x, valid)
        return self._merge(ops.linear_attention(q, k, v, self._log(q.dtype)))

    def step(self, x, state=None):
        """Decode one token, no gradient: x (B,1,d_model), the last step's state or None -> out, state."""
        with no_grad():
            q, k, v = self._heads(one_token("DecayedLinear", x))
            new = (ops.swapaxes(k, -1, -2) @ v).data  # (B,H,d,d)
            if state is not None:
                new = new + xp.exp(self._log(q.dtype))[:, None, None] * state
            return self._merge(q @ Tensor.made_by(new, None)), new

    def state_floats(self, batch=1):
        """Numbers that decoding carries from token to token; they do not grow."""
        return batch * self.projection.n_heads * self.projection.d_head**2

    def _heads(self, x, valid=None):
        return project("DecayedLinear", self.projection, lambda part: part, x, valid)

    def _log(self, dtype):
        return xp.asarray([math.log(gamma) for gamma in self.decay], dtype=dtype)

    def _merge(self, heads):
        return self.projection.merge(self.normalise(heads))
