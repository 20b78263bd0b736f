"""A linear mixer that sees all tokens."""

from ...autodiff import ops
from ...backends import xp
from ...errors import ArgumentError
from .mixer import LinearMixer
from .update import Add


class LinearEncoder(LinearMixer):
    """A LinearMixer whose queries see every key, later ones too: out_t = phi(q_t)^T sum_j phi(k_j) v_j^T.

    Slots as in LinearMixer. Raises ArgumentError for a decay or another update than Add, which speak of an
    order of tokens. It cannot decode token by token. Source: arXiv 2006.16236, equation 6.
    """

    def __init__(self, *slots, **given):
        super().__init__(*slots, **given)
        if self.decay is not None or not isinstance(self.update, Add):
            raise ArgumentError(
                "LinearEncoder",
                expected="no decay, and the update Add: sums that know no order",
                got=f"decay={self.decay}, update={type(self.update).__name__}",
                hint="LinearMixer",
            )

    def forward(self, x, valid=None):
        x, q, k, v = self._project(x, valid)
        return self._finish(x, q @ (ops.swapaxes(k, -1, -2) @ v))

    def step(self, x, state=None):
        raise NotImplementedError("LinearEncoder sees later tokens: it cannot decode token by token")

    def _table(self, x):
        return xp.ones((x.shape[1], x.shape[1]), dtype=x.dtype)
