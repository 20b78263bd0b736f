"""Updates: how a token's key and value enter the state S (B,H,F,dv), once for each form of a mixer.

values(x, k, v, table)      parallel: what each token stores, so that out = (q k^T * table) @ values
scan(x, q, k, v, decay)     chunks: out at once, linear in T
write(x, state, k, v)       one token: the next state, from one that has decayed already
products                    of size F dv that a token costs, its reading included
"""

from ...autodiff import ops
from ...nn import Module


class Add(Module):
    """S_t = a_t S_{t-1} + k_t v_t^T. Source: arXiv 2006.16236, equation 10; 2307.08621, equation 1."""

    kind, products = "kernel", 2

    def values(self, x, k, v, table):
        return v

    def scan(self, x, q, k, v, decay):
        return ops.linear_attention(q, k, v, decay)

    def write(self, x, state, k, v):
        return state + ops.swapaxes(k, -1, -2) @ v


class Delta(Module):
    """What the state holds for a key is replaced, not added to.

        beta_t = sigmoid(rate(x_t))        S_t = a_t S_{t-1} + beta_t k_t (v_t - a_t S_{t-1}^T k_t)^T

    rate   a layer x (B,T,d_model) -> (B,T,H): nn.Linear(d_model, n_heads, rng=rng)
    Give features of length 1 at most (`unit_silu`), so that S stays bounded.
    Source: arXiv 2102.11174, section 4.2; 2406.06484, sections 2.2 and 3; with decay 2412.06464, section 3.
    """

    kind, products = "fast-weight", 3

    def __init__(self, rate):
        self.rate = rate

    def beta(self, x):
        """(B,H,T): how much of the old is replaced."""
        return ops.sigmoid(ops.swapaxes(self.rate(x), -1, -2))

    def values(self, x, k, v, table):
        """u_t = beta_t (v_t - sum_{j < t} w_tj (k_t . k_j) u_j), token by token."""
        beta, seen = ops.expand_dims(self.beta(x), -1), k @ ops.swapaxes(k, -1, -2) * table
        u = (beta * v)[:, :, :1]
        for t in range(1, v.shape[2]):
            here = slice(t, t + 1)
            new = beta[:, :, here] * (v[:, :, here] - seen[:, :, here, :t] @ u)
            u = ops.concatenate([u, new], axis=2)
        return u

    def scan(self, x, q, k, v, decay):
        return ops.delta_rule(q, k, v, self.beta(x), decay)

    def write(self, x, state, k, v):
        change = ops.expand_dims(self.beta(x), -1) * (v - k @ state)
        return state + ops.swapaxes(k, -1, -2) @ change
