"""The linear mixer: attention as a state of fixed size, in three forms that give the same numbers."""

from ...autodiff import Tensor, as_tensor, no_grad, ops
from ...backends import xp
from ...errors import ArgumentError, ShapeError
from ..anatomy import Trace
from ..checks import check_input
from ..mixers.base import Mixer
from .feature_map import Each, elu_plus_one
from .normaliser import SumOfWeights
from .update import Add


class LinearMixer(Mixer):
    """Causal attention whose weights are products of features, with one mechanism in each slot.

        S_t = a_t S_{t-1} + phi(k_t) v_t^T          out_t = W_o gate(normalise(phi(q_t)^T S_t))

    projection  as in Attention
    feature     q, k -> phi(q), phi(k), each (B,H,T,F); default elu + 1
    decay       x -> log a; None forgets nothing
    update      how a token enters S: Add or Delta
    normaliser  default SumOfWeights: rows are weighted means
    gate        heads, x -> heads, before they are merged; None leaves it out
    positions   a list; each may turn phi(q) and phi(k), as in Attention
    Three forms: `parallel` (T x T, to read), `forward` (chunks, linear in T), `step` (one token).
    valid (B,T): padding adds nothing to S, and time goes on over it. Raises ArgumentError, ShapeError.
    Source: arXiv 2006.16236, equations 8 to 12; 2507.19595, section 2.
    """

    def __init__(
        self, projection, feature=None, *, decay=None, update=None, normaliser=None, gate=None, positions=()
    ):
        self.projection, self.feature = projection, feature or Each(elu_plus_one)
        self.decay, self.update, self.gate, self.positions = decay, update or Add(), gate, positions
        self.normaliser = normaliser or SumOfWeights()
        for name, part in (("decay", decay), ("gate", gate)):
            n_heads = getattr(part, "n_heads", projection.n_heads)
            if n_heads != projection.n_heads:
                raise ArgumentError(
                    f"LinearMixer({name}={type(part).__name__})",
                    expected=f"{projection.n_heads} numbers, one for each head of the projection",
                    got=n_heads,
                    hint=f"n_heads={projection.n_heads}",
                )

    @property
    def taxonomy(self):
        kind = self.update.kind
        return "linear", getattr(self.decay, "kind", kind) if kind == "kernel" else kind

    def parallel(self, x, valid=None):
        """The readable form: x (B,T,d_model) -> (B,T,d_model) by the table (q_i . k_j) a_{j+1} .. a_i."""
        x, q, k, v = self._project(x, valid)
        table = self._table(x)
        return self._finish(x, (q @ ops.swapaxes(k, -1, -2) * table) @ self.update.values(x, k, v, table))

    def forward(self, x, valid=None):
        """The fast form, linear in T: see `ops.linear_attention` and `ops.delta_rule`."""
        x, q, k, v = self._project(x, valid)
        decay = None if self.decay is None else self.decay(x)
        return self._finish(x, self.update.scan(x, q, k, v, decay))

    def step(self, x, state=None):
        """Decode one token, no gradient: x (B,1,d_model), the last (place, S) or None -> out, state."""
        x = as_tensor(x)
        if x.ndim == 3 and x.shape[1] != 1:
            raise ShapeError("LinearMixer.step", expected="x (B, 1, d_model)", got=x.shape, hint="x[:, :1]")
        with no_grad():
            place, held = state or (0, None)
            x, q, k, v = self._project(x, None, place)
            if held is None:
                held = xp.zeros((*k.shape[:2], k.shape[3], v.shape[3]), dtype=v.dtype)
            held = Tensor.made_by(held, None)
            if self.decay is not None:
                held = ops.expand_dims(ops.exp(self.decay(x)), -1) * held
            held = self.update.write(x, held, k, v)
            return self._finish(x, q @ held), (place + 1, held.data)

    def state_floats(self, length=1):
        """Numbers that decoding carries for one sequence; they do not grow."""
        return self.projection.n_heads * self._state_size()

    def flops(self, length):
        return self.update.products * length * self.state_floats()

    def _state_size(self):
        """F dv, found by looking at one token."""
        with no_grad():
            _, _, k, v = self._project(Tensor(xp.zeros((1, 1, self.projection.d_model))), None)
        return k.shape[3] * v.shape[3]

    def _project(self, x, valid, start=0):
        """x as a tensor; phi(q), phi(k) (B,H,T,F), the keys of padding 0; v (B,H,T,dv), widened."""
        x = as_tensor(x)
        valid = check_input("LinearMixer", x, x, valid)
        q, k, v = self.projection(x, x)
        k, v = (ops.repeat_heads(part, q.shape[1] // part.shape[1]) for part in (k, v))
        q, k = self.feature(q, k)
        places = start + xp.arange(q.shape[2])
        t = Trace(x, x, q=q, k=k, q_pos=places, k_pos=places)
        for position in self.positions:
            t.q, t.k = position.rotate(t)
        k = t.k if valid is None else t.k * valid[:, None, :, None].astype(k.dtype)
        return x, t.q, k, self.normaliser.widen(v)

    def _table(self, x):
        """a_{j+1} .. a_i for j <= i, else 0: (T,T) without a decay, (B or 1,H,T,T) with one."""
        causal = xp.tril(xp.ones((x.shape[1], x.shape[1]), dtype=x.dtype))
        if self.decay is None:
            return causal
        log = ops.cumsum(self.decay(x) + xp.zeros((1, 1, x.shape[1]), dtype=x.dtype), axis=-1)
        gap = ops.expand_dims(log, -1) - ops.expand_dims(log, -2)
        return ops.exp(ops.minimum(gap, 0.0)) * causal

    def _finish(self, x, heads):
        heads = self.normaliser.finish(heads)
        return self.projection.merge(heads if self.gate is None else self.gate(heads, x))
