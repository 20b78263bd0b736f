"""Attention in plain NumPy, written from the equations and without the library's operations.

`reference(attention, x, context, valid)` reads the parameters of an Attention and says what it should give.
"""

import math

import numpy as np

from minattn import attention as A


def softmax(scores, mask):
    out = np.zeros_like(scores)
    for index in np.ndindex(scores.shape[:-1]):
        allowed = mask[index]
        if allowed.any():
            e = np.exp(scores[index][allowed] - scores[index][allowed].max())
            out[index][allowed] = e / e.sum()
    return out


def sparsemax(scores, mask):
    """By bisection on tau: sum(max(score - tau, 0)) = 1."""
    some = mask.any(axis=-1, keepdims=True)
    scores = np.where(mask, scores, -1e9)
    low = scores.max(axis=-1, keepdims=True) - 1
    high = low + 1
    for _ in range(60):
        tau = (low + high) / 2
        over = np.maximum(scores - tau, 0).sum(axis=-1, keepdims=True) > 1
        low, high = np.where(over, tau, low), np.where(over, high, tau)
    return np.where(some, np.maximum(scores - low, 0), 0)


def project(projection, x, context):
    if isinstance(projection, A.Identity):
        return x[:, None], context[:, None], context[:, None]

    def heads(layer, value, n):
        y = value @ layer.weight.data.T + layer.bias.data
        return np.stack(np.split(y, n, axis=-1), axis=1)

    h, g = projection.n_heads, projection.n_kv_heads
    k, v = heads(projection.w_k, context, g), heads(projection.w_v, context, g)
    return heads(projection.w_q, x, h), np.repeat(k, h // g, axis=1), np.repeat(v, h // g, axis=1)


def turn(x, d):
    out = np.zeros_like(x)
    for position in range(x.shape[2]):
        for i in range(d // 2):
            angle = position * 10000 ** (-2 * i / d)
            matrix = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            out[:, :, position, 2 * i : 2 * i + 2] = x[:, :, position, 2 * i : 2 * i + 2] @ matrix.T
    return out


def scores_of(score, q, k):
    if isinstance(score, A.Dot):
        divisor = math.sqrt(q.shape[-1]) if type(score) is A.ScaledDot else 1
        return np.einsum("bhtd,bhsd->bhts", q, k) / divisor
    if isinstance(score, A.General):
        return np.einsum("bhtd,hde,bhse->bhts", q, score.w_a.data, k)
    if isinstance(score, A.Location):
        return (q @ score.w_a.data)[..., : k.shape[2]]
    pairs = np.broadcast_shapes((*q.shape[:3], 1, 1), (*k.shape[:2], 1, k.shape[2], 1))[:4]
    queries = np.broadcast_to(q[:, :, :, None], (*pairs, q.shape[-1]))
    keys = np.broadcast_to(k[:, :, None], (*pairs, k.shape[-1]))
    if isinstance(score, A.Concat):
        return (np.tanh(np.concatenate([queries, keys], axis=-1) @ score.w_a.data.T) @ score.v_a.data)[..., 0]
    hidden = np.tanh(queries @ score.w.data[:, None] + keys @ score.u.data[:, None])
    return (hidden @ score.v.data[:, None])[..., 0]


def distance(q, k):
    """j - i for every pair, (T,S)."""
    return np.arange(k.shape[2])[None, :] - np.arange(q.shape[2])[:, None]


def bias_of(position, q, k, valid):
    away, d = distance(q, k), q.shape[-1]
    if isinstance(position, A.ALiBi):
        return -np.array(position.slopes)[:, None, None] * np.abs(away)
    if isinstance(position, A.Relative):
        rows = np.clip(away, -position.max_distance, position.max_distance) + position.max_distance
        return np.einsum("bhtd,tsd->bhts", q, position.keys.data[rows]) / math.sqrt(d)
    if isinstance(position, A.CoPE):
        gates = 1 / (1 + np.exp(-np.einsum("bhtd,bhsd->bhts", q, k) / math.sqrt(d)))
        gates = gates * (away <= 0) * valid[:, None, None, :]
        p = np.minimum(gates[..., ::-1].cumsum(axis=-1)[..., ::-1], position.n_positions - 1)
        low, share = np.floor(p).astype(int), (p - np.floor(p))[..., None]
        high = np.minimum(low + 1, position.n_positions - 1)
        table = position.table.data
        vectors = (1 - share) * table[low] + share * table[high]
        return np.einsum("bhtd,bhtsd->bhts", q, vectors) / math.sqrt(d)
    return 0.0


def weights_of(weights, scores, mask, q, valid):
    if isinstance(weights, A.ReLU):
        return np.where(mask, np.maximum(scores, 0), 0)
    if isinstance(weights, A.Sparsemax):
        return sparsemax(scores, mask)
    if isinstance(weights, A.Softmax):
        return softmax(scores, mask)
    length = valid.sum(axis=1)[:, None, None, None]
    p = length / (1 + np.exp(-np.tanh(q @ weights.w_p.data) @ weights.v_p.data))
    away = np.arange(scores.shape[-1]) - p
    inside = softmax(scores, mask & (np.abs(away) <= weights.half))
    return inside * np.exp(-(away**2) / (2 * (weights.half / 2) ** 2))


def reference(attention, x, context=None, valid=None):
    context = x if context is None else context
    valid = np.ones(context.shape[:2], dtype=bool) if valid is None else valid
    q, k, v = project(attention.projection, x, context)
    untouched = q
    for position in attention.positions:
        if isinstance(position, A.Rotary):
            q, k = turn(q, position.d_head), turn(k, position.d_head)
    scores = scores_of(attention.score, q, k)
    scores = scores + sum(bias_of(p, q, k, valid) for p in attention.positions)
    mask, away = np.broadcast_to(valid[:, None, None, :], scores.shape), distance(q, k)
    for rule in attention.masks:
        mask = mask & (np.abs(away) <= rule.half if isinstance(rule, A.Window) else away <= 0)
    front = 0
    if attention.memory is not None:  # keys without a place: no turn, no bias, no mask of places
        k_front, v_front, seen = attention.memory.arrays(len(q), q.shape[1])
        front = k_front.shape[2]
        scores = np.concatenate([scores_of(attention.score, untouched, k_front), scores], axis=-1)
        mask = np.concatenate([np.broadcast_to(seen, (*mask.shape[:3], front)), mask], axis=-1)
        v = np.concatenate([v_front, np.broadcast_to(v, (*v_front.shape[:2], *v.shape[2:]))], axis=2)
    weights = weights_of(attention.weights, scores, mask, q, valid)
    heads, weights = weights @ v, weights[..., front:]
    for position in attention.positions:
        if isinstance(position, A.Relative):
            rows = np.clip(away, -position.max_distance, position.max_distance) + position.max_distance
            heads = heads + np.einsum("bhts,tsd->bhtd", weights, position.values.data[rows])
    joined = np.concatenate(list(np.moveaxis(heads, 1, 0)), axis=-1)
    if isinstance(attention.weights, A.ReLA):
        rela, size = attention.weights, (joined**2).mean(axis=-1, keepdims=True)
        normed = joined / np.sqrt(size + rela.norm.eps) * rela.norm.gain.data
        joined = normed / (1 + np.exp(-rela.gate.data * joined))
    if isinstance(attention.projection, A.Identity):
        return joined
    return joined @ attention.projection.w_o.weight.data.T + attention.projection.w_o.bias.data
