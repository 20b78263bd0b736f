"""Feature-map linear attention."""

from ...autodiff import Tensor, as_tensor, no_grad, ops
from ...backends import xp
from ...errors import ShapeError
from ...nn import Module
from ...nn.checks import check_sizes
from ..checks import check_input

EPS = 1e-6


def elu_plus_one(x):
    """exp(x) below 0, x + 1 above: always positive. Source: arXiv 2006.16236, equation 7."""
    return ops.where(x.data >= 0, x + 1, ops.exp(ops.minimum(x, 0.0)))


class LinearAttention(Module):
    """Causal attention with weights phi(q) . phi(k) over their sum: running sums replace the T x T table.

        out_i = phi(q_i)^T S_i / phi(q_i)^T z_i,  S_i = sum_{j<=i} phi(k_j) v_j^T,  z_i = sum_{j<=i} phi(k_j)

    projection   as in Attention
    feature      phi: (B,H,T,d) -> (B,H,T,F), positive
    chunk        tokens handled at once by `forward`
    Three forms give the same numbers (tested): `parallel` (T x T), `forward` (chunks), `step` (one token).
    valid (B,T): padding adds nothing to the sums. Source: arXiv 2006.16236, equations 8 to 12.
    Ours: 1e-6 is added to the divisor, so that a row without any real key gives 0.
    """

    def __init__(self, projection, feature=elu_plus_one, chunk=64):
        check_sizes("LinearAttention", chunk=chunk)
        self.projection, self.feature, self.chunk = projection, feature, chunk

    def parallel(self, x, valid=None):
        """The readable form: x (B,T,d_model) -> (B,T,d_model) by the T x T table of weights."""
        q, k, v = self._features(x, valid)
        table = _up_to_query(q, k)
        return self.projection.merge(table @ v / (ops.sum(table, axis=-1, keepdims=True) + EPS))

    def forward(self, x, valid=None):
        """The fast form: within a chunk by the table, from earlier chunks by the running sums S and z."""
        q, k, v = self._features(x, valid)
        total = norm = None
        pieces = []
        for start in range(0, max(q.shape[2], 1), self.chunk):
            here = (slice(None), slice(None), slice(start, start + self.chunk))
            qc, kc, vc = q[here], k[here], v[here]
            table = _up_to_query(qc, kc)
            above, below = table @ vc, ops.sum(table, axis=-1, keepdims=True)
            s, z = ops.swapaxes(kc, -1, -2) @ vc, ops.expand_dims(ops.sum(kc, axis=2), -1)
            if total is not None:
                above, below = above + qc @ total, below + qc @ norm
                s, z = s + total, z + norm
            total, norm = s, z
            pieces.append(above / (below + EPS))
        return self.projection.merge(pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=2))

    def step(self, x, state=None):
        """Decode one token, no gradient: x (B,1,d_model), the last step's state or None -> out, state."""
        with no_grad():
            q, k, v = self._features(x)
            if q.shape[2] != 1:
                raise ShapeError(
                    "LinearAttention.step", expected="x (B, 1, d_model)", got=x.shape, hint="x[:, :1]"
                )
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
        x = as_tensor(x)
        valid = check_input("LinearAttention", x, x, valid)
        q, k, v = self.projection(x, x)
        k, v = (ops.repeat_heads(part, q.shape[1] // part.shape[1]) for part in (k, v))
        q, k = self.feature(q), self.feature(k)
        return q, k if valid is None else k * valid[:, None, :, None].astype(k.dtype), v


def _up_to_query(q, k):
    """phi(q) phi(k)^T with 0 for later keys, (B,H,T,T)."""
    t = q.shape[2]
    return (q @ ops.swapaxes(k, -1, -2)) * xp.tril(xp.ones((t, t), dtype=q.dtype))
