"""Networks that learn while they are used: their weights are the state, each token is one step of descent."""

import numpy as np

from ...autodiff import ops
from ...backends import xp
from ...nn import Module, Parameter, init


class MatrixMemory(Module):
    """M(k) = k^T W, with W (n_in, n_out), 0 at the start of every text."""

    def __init__(self, n_in, n_out):
        self.shapes = [(n_in, n_out)]

    def start(self, batch, heads, dtype):
        """The weights that a text begins with, each (batch, heads, rows, columns)."""
        return [xp.zeros((batch, heads, *shape), dtype=dtype) for shape in self.shapes]

    def read(self, weights, q):
        """M(q) for q (.., T, n_in)."""
        return q @ weights[0]

    def gradients(self, weights, k, v):
        """Of |M(k_t) - v_t|^2 for each token by itself: (B,H,T, rows, columns) for each weight."""
        return [_outer(k, 2 * (self.read(weights, k) - v))]


class DeepMemory(Module):
    """M(k) = silu(k^T W_1) W_2: two layers, so that more than a line through 0 can be stored.

    hidden   columns of W_1
    The start of every text is learned: from zeros, no gradient would reach W_1.
    """

    def __init__(self, n_in, hidden, n_out, *, rng):
        self.shapes = [(n_in, hidden), (hidden, n_out)]
        self.first = [Parameter(init.normal(rng, shape, shape[0] ** -0.5)) for shape in self.shapes]

    def start(self, batch, heads, dtype):
        return [ops.broadcast_to(w, (batch, heads, *w.shape)) for w in self.first]

    def read(self, weights, q):
        return ops.silu(q @ weights[0]) @ weights[1]

    def gradients(self, weights, k, v):
        z = k @ weights[0]
        gate = ops.sigmoid(z)
        hidden = z * gate
        slope = 2 * (hidden @ weights[1] - v)  # by the output
        down = slope @ ops.swapaxes(weights[1], -1, -2) * (gate * (1 + z * (1 - gate)))  # by z
        return [_outer(k, down), _outer(hidden, slope)]


def learn(memory, state, q, k, v, gates, chunk=1):
    """Write token after token, and read each at its own query: out (B,H,T,n_out) and the last state.

        S_t = eta_t S_{t-1} - theta_t G_t        M_t = (1 - alpha_t) M_{t-1} + S_t        out_t = M_t(q_t)

    memory   MatrixMemory or DeepMemory
    state    (weights, momenta), two lists, or None at the start of a text
    gates    theta, eta, alpha, each (B,H,T)
    chunk    G_t is the gradient at the weights where t's chunk of so many tokens began, so that a chunk is a
             few matrix products; 1 is the recurrence itself
    Source: arXiv 2501.00663, equations 8 to 18.
    """
    if state is None:
        weights = memory.start(*q.shape[:2], q.dtype)
        state = weights, [xp.zeros(w.shape, dtype=q.dtype) for w in weights]
    (weights, momenta), outs = state, []
    for begin in range(0, q.shape[2], chunk):
        here = (slice(None), slice(None), slice(begin, begin + chunk))
        (theta, eta, alpha), n = (gate[here] for gate in gates), min(chunk, q.shape[2] - begin)
        forget, carry = products(1 - alpha), products(eta)
        pushes = carry * ops.expand_dims(theta, -2)  # of G_i in S_t
        kept, pushed = _column(ops.cumprod(1 - alpha)), _column(ops.cumprod(eta))
        each, last = [], []
        for w, s, g in zip(weights, momenta, memory.gradients(weights, k[here], v[here]), strict=True):
            w, s, g = (x.reshape(*x.shape[: x.ndim - 2], -1) for x in (w, s, g))  # rows and columns as one
            w, s = ops.expand_dims(w, 2), ops.expand_dims(s, 2)
            each.append(kept * w + (forget @ pushed) * s - (forget @ pushes) @ g)
            last.append(pushed[:, :, -1:] * s - pushes[:, :, -1:] @ g)
        shapes = [w.shape[2:] for w in weights]
        at_each = [w.reshape(*w.shape[:3], *shape) for w, shape in zip(each, shapes, strict=True)]
        read = memory.read(at_each, ops.expand_dims(q[here], 3))  # one query for each token's weights
        outs.append(read.reshape(*read.shape[:2], n, -1))
        weights = [w[:, :, -1] for w in at_each]
        momenta = [s.reshape(*s.shape[:2], *shape) for s, shape in zip(last, shapes, strict=True)]
    return ops.concatenate(outs, axis=2), (weights, momenta)


def products(x):
    """(.., C) -> (.., C, C): x_{j+1} x_{j+2} .. x_i at [i, j], 1 on the diagonal, 0 above it."""
    n = x.shape[-1]
    later = np.tri(n, k=-1, dtype=bool)
    rows = ops.where(xp.asarray(later), ops.expand_dims(x, -1), 1.0)
    return ops.cumprod(rows, axis=-2) * xp.asarray(np.tri(n), dtype=x.dtype)


def _outer(a, b):
    return ops.expand_dims(a, -1) * ops.expand_dims(b, -2)


def _column(x):
    return ops.expand_dims(x, -1)
