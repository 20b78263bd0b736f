"""Feature-map linear attention."""

from ...autodiff import Tensor, no_grad, ops
from ...backends import xp
from ...nn import Module
from ...nn.checks import check_sizes
from .heads import one_token, project

EPS = 1e-6


def elu_plus_one(x):
    """exp(x) below 0, x + 1 above: always positive. Source: arXiv 2006.16236, equation 7."""
    return ops.where(x.data >= 0, x + 1, ops.exp(ops.minimum(x, 0.0)))


class LinearAttention(Module):
    """Causal attention with weights phi(q) . phi(k) over their sum: running sums replace the T x T table.

        out_i = phi(q_i)^T S_i / phi(q_i)^T z_i,  S_i = sum_{j<=i} phi(k_j) v_j^T,  z_i = sum_{j<=i} phi(k_j)

    projection   as in Attention
    feature      phi: (B,H,T,d) -> (B,H,T,F), positive
    chunk        up to so many tokens, `forward` is `parallel`
    Three forms give the same numbers (tested): `parallel` (T x T), `forward` (chunks), `step` (one token).
    valid (B,T): padding adds nothing to the sums. Source: arXiv 2006.16236, equations 8 to 12.
    Ours: 1e-6 is added to the divisor, so that a row without any real key gives 0.
    """

    def __init__(self, projection, feature=elu_plus_one, chunk=64):
        check_sizes("LinearAttention", chunk=chunk)
        self.projection, self.feature, self.chunk = projection, feature, chunk

    def parallel(self, x, valid=None):
        """The readable form: x (B,T,d_model) -> (B,T,d_model) by the T x T table of weights."""
        return self._by_table(*self._features(x, valid))

    def forward(self, x, valid=None):
        """The fast form: few tokens by the table, more by running sums over chunks (`ops.linear_attention`).

        A 1 at the end of each value makes z a last column of S.
        """
        q, k, v = self._features(x, valid)
        if q.shape[2] <= self.chunk:
            return self._by_table(q, k, v)
        one = xp.ones((*v.shape[:3], 1), dtype=v.dtype)
        sums = ops.linear_attention(q, k, ops.concatenate([v, one], axis=-1))
        return self.projection.merge(sums[..., :-1] / (sums[..., -1:] + EPS))

    def step(self, x, state=None):
        """Decode one token, no gradient: x (B,1,d_model), the last step's state or None -> out, state."""
        with no_grad():
            q, k, v = self._features(one_token("LinearAttention", x))
            total = (ops.swapaxes(k, -1, -2) @ v).data  # (B,H,F,d)
            norm = xp.swapaxes(k.data, -1, -2)  # (B,H,F,1)
            if state is not None:
                total, norm = total + state[0], norm + state[1]
            heads = q @ Tensor.made_by(total, None) / (q @ Tensor.made_by(norm, None) + EPS)
            return self.projection.merge(heads), (total, norm)

    def state_floats(self, batch=1):
        """Numbers that decoding carries from token to token; they do not grow."""
        one = Tensor(xp.zeros((1, 1, 1, self.projection.d_head)))
        n_features = self.feature(one).shape[-1]
        return batch * self.projection.n_heads * n_features * (self.projection.d_head + 1)

    def _features(self, x, valid=None):
        return project("LinearAttention", self.projection, self.feature, x, valid)

    def _by_table(self, q, k, v):
        """phi(q) phi(k)^T with 0 for later keys, (B,H,T,T), its rows divided by their sums."""
        t = q.shape[2]
        table = (q @ ops.swapaxes(k, -1, -2)) * xp.tril(xp.ones((t, t), dtype=q.dtype))
        return self.projection.merge(table @ v / (ops.sum(table, axis=-1, keepdims=True) + EPS))
