"""Linear attention that overwrites instead of adding."""

from ...autodiff import Tensor, no_grad, ops
from ...backends import xp
from ...nn import Module
from .heads import one_token, project


def unit_silu(x):
    """silu(x), scaled to length 1. Source: arXiv 2406.06484, section 3.3."""
    y = ops.silu(x)
    return y * (ops.sum(y * y, axis=-1, keepdims=True) + 1e-6) ** -0.5


class DeltaRule(Module):
    """Causal attention whose state is a memory: what it holds for a key is replaced, not added to.

        beta_t = sigmoid(rate(x_t))        k, q = feature(k), feature(q)
        S_t = S_{t-1} + beta_t k_t (v_t - S_{t-1}^T k_t)^T        out_t = S_t^T q_t

    projection  as in Attention
    rate        a layer x (B,T,d_model) -> (B,T,H): nn.Linear(d_model, n_heads, rng=rng)
    feature     (B,H,T,d) -> (B,H,T,F), of length 1 at most, so that S stays bounded; default `unit_silu`
    Three forms give the same numbers (tested): `parallel` (T x T), `forward` (chunks), `step` (one token).
    valid (B,T): padding leaves S as it is.
    Source: arXiv 2102.11174, section 4.2; 2406.06484, sections 2.2 and 3. Ours: no norm of the output.
    """

    def __init__(self, projection, rate, feature=unit_silu):
        self.projection, self.rate, self.feature = projection, rate, feature

    def parallel(self, x, valid=None):
        """The readable form: T x T tables, and each value less what the earlier ones left at its key.

        x (B,T,d_model) -> (B,T,d_model). u_t = beta_t (v_t - sum_{j < t} (k_t . k_j) u_j); out = q k^T u.
        """
        q, k, v, beta = self._heads(x, valid)
        beta, seen = ops.expand_dims(beta, -1), k @ ops.swapaxes(k, -1, -2)
        u = (beta * v)[:, :, :1]
        for t in range(1, q.shape[2]):
            here = slice(t, t + 1)
            new = beta[:, :, here] * (v[:, :, here] - seen[:, :, here, :t] @ u)
            u = ops.concatenate([u, new], axis=2)
        causal = xp.tril(xp.ones((q.shape[2], q.shape[2]), dtype=q.dtype))
        return self.projection.merge((q @ ops.swapaxes(k, -1, -2) * causal) @ u)

    def forward(self, x, valid=None):
        """The fast form, linear in T: see `ops.delta_rule`."""
        return self.projection.merge(ops.delta_rule(*self._heads(x, valid)))

    def step(self, x, state=None):
        """Decode one token, no gradient: x (B,1,d_model), the last step's state or None -> out, state."""
        with no_grad():
            q, k, v, beta = self._heads(one_token("DeltaRule", x))
            new = ops.expand_dims(beta, -1) * (v if state is None else v - k @ Tensor.made_by(state, None))
            new = (ops.swapaxes(k, -1, -2) @ new).data  # (B,H,F,d)
            new = new if state is None else new + state
            return self.projection.merge(q @ Tensor.made_by(new, None)), new

    def state_floats(self, batch=1):
        """Numbers that decoding carries from token to token; they do not grow."""
        d_head = self.projection.d_head
        n_features = self.feature(Tensor(xp.zeros((1, 1, 1, d_head)))).shape[-1]
        return batch * self.projection.n_heads * n_features * d_head

    def _heads(self, x, valid=None):
        """q, k, v and beta (B,H,T)."""
        q, k, v = project("DeltaRule", self.projection, self.feature, x, valid)
        return q, k, v, ops.sigmoid(ops.swapaxes(self.rate(x), -1, -2))
