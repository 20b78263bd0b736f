"""Feature-map linear attention."""

from ...autodiff import Tensor, as_tensor, no_grad, ops
from ...backends import xp
from ...nn import Module

EPS = 1e-6


def elu_plus_one(x):
    """exp(x) below 0, x + 1 above: always positive. Source: arXiv 2006.16236, equation 7."""
    return ops.where(x.data > 0, x + 1, ops.exp(ops.minimum(x, 0.0)))


class LinearAttention(Module):
    """Causal attention whose weights are phi(q) . phi(k) over their row's sum: a running sum replaces the T x T table.

    out_i = phi(q_i)^T S_i / phi(q_i)^T z_i,  S_i = sum_{j<=i} phi(k_j) v_j^T,  z_i = sum_{j<=i} phi(k_j)

    projection   as in Attention; as many key heads as query heads
    feature      phi: (B,H,T,d) -> (B,H,T,F), positive
    chunk        tokens handled at once by `forward`
    Three forms give the same numbers (tested): `parallel` (explicit T x T), `forward` (chunks), `step` (one token).
    valid (B,T): padding adds nothing to the sums. Source: arXiv 2006.16236, equations 8 to 12.
    """

    def __init__(self, projection, feature=elu_plus_one, chunk=64):
        self.projection, self.feature, self.chunk = projection, feature, chunk

    def _features(self, x, valid=None):
        q, k, v = self.projection(as_tensor(x), as_tensor(x))
        group = q.shape[1] // k.shape[1]
        q, k = self.feature(q), self.feature(ops.repeat_heads(k, group))
        v = ops.repeat_heads(v, group)
        if valid is not None:
            k = k * xp.asarray(valid)[:, None, :, None].astype(k.dtype)
        return q, k, v

    def parallel(self, x, valid=None):
        """The readable form: x (B,T,d_model) -> (B,T,d_model) by the T x T table of weights."""
        q, k, v = self._features(x, valid)
        t = q.shape[2]
        table = (q @ ops.swapaxes(k, -1, -2)) * xp.tril(xp.ones((t, t), dtype=q.dtype))
        return self.projection.merge(table @ v / (ops.sum(table, axis=-1, keepdims=True) + EPS))

    def forward(self, x, valid=None):
        """The fast form: within a chunk by the table, from earlier chunks by the running sums."""
        q, k, v = self._features(x, valid)
        total, norm, pieces = 0.0, 0.0, []
        for start in range(0, q.shape[2], self.chunk):
            here = (slice(None), slice(None), slice(start, start + self.chunk))
            qc, kc, vc = q[here], k[here], v[here]
            n = qc.shape[2]
            table = (qc @ ops.swapaxes(kc, -1, -2)) * xp.tril(xp.ones((n, n), dtype=q.dtype))
            above, below = table @ vc, ops.sum(table, axis=-1, keepdims=True)
            if start:
                above, below = above + qc @ total, below + qc @ norm
            pieces.append(above / (below + EPS))
            total = total + ops.swapaxes(kc, -1, -2) @ vc
            norm = norm + ops.expand_dims(ops.sum(kc, axis=2), -1)
        heads = pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=2)
        return self.projection.merge(heads)

    def step(self, x, state=None):
        """Decode one token: x (B,1,d_model), state from the last step (None at first) -> (B,1,d_model), state."""
        with no_grad():
            q, k, v = self._features(x)
            total, norm = state if state is not None else (0.0, 0.0)
            total = total + (ops.swapaxes(k, -1, -2) @ v).data  # (B,H,F,d)
            norm = norm + xp.swapaxes(k.data, -1, -2)  # (B,H,F,1)
            heads = q @ Tensor.made_by(total, None) / (q @ Tensor.made_by(norm, None) + EPS)
            return self.projection.merge(heads), (total, norm)

    def state_floats(self, batch=1):
        """Numbers that decoding carries from token to token; they do not grow."""
        d = self.projection.d_head
        return batch * self.projection.n_heads * d * (d + 1)
