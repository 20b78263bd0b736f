"""Persistent vectors: keys and values that belong to the model, not to the text."""

import math

from ...errors import ArgumentError
from ...nn import Parameter, init
from ...nn.checks import check_sizes
from .front import FrontMemory


class PersistentKV(FrontMemory):
    """N learned keys and values in front of every text, in one softmax with the text's own.

        a = softmax(q [m_1, .., m_N, k_1, .., k_S]^T / sqrt(d)),   y = a [u_1, .., u_N, v_1, .., v_S]

    The N vectors stand at no place: masks, positions and padding do not concern them. A feed-forward block
    W_2 f(W_1 x) is the same sum with f for the softmax, keys W_1 and values W_2; so an attention with
    N = d_ff persistent vectors has its parameters, 2 N d_model, and can stand for both (tested: 33).

    n_slots   N
    n_heads   heads with vectors of their own; it divides the key heads of the projection
    d_head    length of the vectors
    keys, values (n_heads, N, d_head) are stored with variance 1/d and 1/N and read with variance 1, so that
    a step of an optimiser moves them as much as the vectors of a text.
    Source: arXiv 1907.01470, section 4.

    >>> import numpy as np
    >>> PersistentKV(5, 2, 3, rng=np.random.default_rng(0)).n_parameters()
    60
    """

    def __init__(self, n_slots, n_heads, d_head, *, rng):
        check_sizes("PersistentKV", n_slots=n_slots or 1, n_heads=n_heads, d_head=d_head)
        self.d_head = d_head
        shape = n_heads, n_slots, d_head
        self.keys = Parameter(init.normal(rng, shape, 1 / math.sqrt(d_head)))
        self.values = Parameter(init.normal(rng, shape, 1 / math.sqrt(max(n_slots, 1))))

    def read(self, t):
        heads, n_slots, d_head = self.keys.shape
        keys, values = self.keys * math.sqrt(d_head), self.values * math.sqrt(n_slots)
        return keys.reshape(1, heads, n_slots, d_head), values.reshape(1, heads, n_slots, d_head), None

    def fits(self, attention):
        super().fits(attention)
        heads, groups = len(self.keys), attention.projection.n_kv_heads
        if groups % heads:
            raise ArgumentError(
                f"PersistentKV(n_heads={heads})",
                expected=f"a divisor of the {groups} key heads",
                got=heads,
                hint=f"PersistentKV(n_slots, {groups}, d_head)",
            )
