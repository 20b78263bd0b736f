"""Attention that looks further back only where it has not found what it seeks."""

import math

from ...autodiff import as_tensor, ops
from ...backends import xp
from ...errors import ArgumentError
from .base import Weights


class Expanding(Weights):
    """Softmax in a window that doubles until the parent is likely to be inside.

        p(parent at distance n | rho) = rho (1 - rho)^n,   rho ~ Beta(a, b)
        w(s) = softmax(score(s) + n(s) E[log(1 - rho)]) over the keys of the window and one bucket more
        rho ~ Beta(a + 1, b + E[n]),   E[log(1 - rho)] = digamma(b') - digamma(a' + b')

    The bucket is the parent beyond the window: the prior's tail times exp(unseen), what an unseen key weighs.
    A query repeats the two updates `steps` times; while the bucket has more than `eps`, it doubles its window
    and starts again, until every key that it may attend to is inside. The bucket then drops out, so that rows
    sum to 1.

    unseen      log of the mean of exp(score) over queries and all their keys, parents among them
    a, b        of the prior of rho
    first       width of the first window, in places
    Leaves t.extra["window"] and t.extra["beyond"] (B,H,T,1): each query's window and its bucket.
    Source: the extension of arXiv 2304.04556. Ours: the bucket, the restart of each window at b' = b + width,
    and that no gradient passes through rho. All scores are there: it says which ones it needed.
    """

    by_place = True  # it asks how far away a key stands

    def __init__(self, unseen, *, a=1.0, b=1.0, first=4, steps=5, eps=0.05):
        for name, value in dict(a=a, b=b, first=first, steps=steps, eps=eps).items():
            if not value > 0:
                raise ArgumentError(f"Expanding({name})", expected=f"{name} > 0", got=value, hint=f"{name}=1")
        self.unseen, self.a, self.b = unseen, a, b
        self.first, self.steps, self.eps = first, steps, eps

    def forward(self, t):
        scores, distance = t.scores.data, abs(t.q_pos[:, None] - t.k_pos[None, :]).astype(t.scores.dtype)
        mask = xp.broadcast_to(True if t.mask is None else t.mask, scores.shape)
        reach = xp.max(xp.where(mask, distance, 0), axis=-1, keepdims=True, initial=0)
        window = xp.full(reach.shape, self.first, dtype=scores.dtype)
        while True:
            seen = mask & (distance <= window)
            *_, found = self.infer(scores, distance, seen, window, window < reach)
            grow = self.unsure(found, distance, window) & (window < reach)
            if not grow.any():
                break
            window = xp.where(grow, 2 * window, window)
        t.extra["window"], t.extra["beyond"] = window, found["beyond"]
        return ops.softmax(t.scores + as_tensor(distance * found["log_stay"]), seen)

    def unsure(self, found, distance, window):
        """(B,H,T,1) boolean: which queries must look further."""
        return found["beyond"] > self.eps

    def infer(self, scores, distance, seen, window, more):
        """The two updates, `steps` times; yields after each of them what is believed.

        scores (B,H,T,S), distance (T,S), seen (B,H,T,S) boolean; window and more (B,H,T,1): its width, and
        whether there are keys beyond it. Yields dicts of log_stay E[log(1 - rho)], weights of the keys,
        beyond (the bucket), b (of the posterior of rho that was used) and evidence, the log of the sum that
        normalises.
        """
        a, b = self.a + 1, self.b + window
        for _ in range(self.steps):
            log_stay = digamma(b) - digamma(a + b)
            logits = xp.where(seen, scores + distance * log_stay, -math.inf)
            tail = self.unseen + (window + 1) * log_stay - xp.log(-xp.expm1(log_stay))
            tail = xp.where(more, tail, -math.inf)
            top = xp.maximum(xp.max(logits, axis=-1, keepdims=True, initial=-math.inf), tail)
            top = xp.where(top == -math.inf, 0, top)
            weights, beyond = xp.exp(logits - top), xp.exp(tail - top)
            total = xp.sum(weights, axis=-1, keepdims=True) + beyond
            total = xp.where(total == 0, 1, total)  # a query that may attend nowhere
            weights, beyond = weights / total, beyond / total
            far = window - 1 / xp.expm1(log_stay)  # the mean distance of a parent beyond the window
            evidence = top + xp.log(total)
            yield dict(log_stay=log_stay, weights=weights, beyond=beyond, b=b, evidence=evidence)
            b = self.b + xp.sum(weights * distance, axis=-1, keepdims=True) + beyond * far


def digamma(x):
    """The derivative of log gamma at x > 0, elementwise, to 1e-10 and better in float64.

    digamma(x) = digamma(x + 1) - 1/x up to x >= 6, then its asymptotic series.

    >>> round(float(digamma(xp.asarray(1.0))), 6), round(float(digamma(xp.asarray(11.0))), 6)
    (-0.577216, 2.351753)
    """
    below = 0.0
    for n in range(6):
        below = below + 1 / (x + n)
    x = x + 6
    y = 1 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return xp.log(x) - 0.5 / x - series - below
