"""minattn's GPT, LSTM and GRU as pure functions of their weights, for JAX.

Weights are a dict by minattn's names, with queries, keys and values in one matrix for each layer.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np


def start(kept):
    """Weights from minattn's arrays, and AdamW's state."""
    weights = {name: jnp.asarray(array) for name, array in kept.items()}
    for name in [name for name in weights if ".w_q." in name]:
        parts = [weights.pop(name.replace(".w_q.", f".{w}.")) for w in ("w_q", "w_k", "w_v")]
        weights[name.replace(".w_q.", ".w_qkv.")] = jnp.concatenate(parts)
    mean, square = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
    return {"weights": weights, "mean": mean, "square": square, "steps": jnp.zeros(())}


def adamw(state, grads, lr=1e-3, betas=(0.9, 0.999), decay=0.01, eps=1e-8):
    """The state after one more step."""
    (b1, b2), steps = betas, state["steps"] + 1
    mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["mean"], grads)
    square = jax.tree.map(lambda s, g: b2 * s + (1 - b2) * g * g, state["square"], grads)

    def moved(w, m, s):
        return (1 - lr * decay) * w - lr * (m / (1 - b1**steps)) / (jnp.sqrt(s / (1 - b2**steps)) + eps)

    weights = jax.tree.map(moved, state["weights"], mean, square)
    return {"weights": weights, "mean": mean, "square": square, "steps": steps}


def affine(weights, name, x):
    """x W^T + b."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normed(weights, name, x):
    """RMSNorm."""
    return weights[f"{name}.gain"] * x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6)


def angles(size):
    """cos and sin (T, 1, d/2) of every place."""
    d = size["d_model"] // size["H"]
    found = np.arange(size["T"])[:, None, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    return np.cos(found, dtype=np.float32), np.sin(found, dtype=np.float32)


def turned(x, cos, sin):
    """Rotary positions: the pairs of neighbours of x (B,T,H,d), turned."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def block(weights, i, x, turns, attend):
    """One layer; attend(q, k, v), each (B,T,H,d), gives the heads in that shape."""
    name, (b, t, width) = f"blocks.{i}", x.shape
    normal = normed(weights, f"{name}.norm_1", x)
    qkv = affine(weights, f"{name}.attention.projection.w_qkv", normal)
    d = 2 * turns[0].shape[-1]
    q, k, v = jnp.split(qkv.reshape(b, t, -1, d), 3, axis=2)
    heads = attend(turned(q, *turns), turned(k, *turns), v).reshape(b, t, width)
    x = x + affine(weights, f"{name}.attention.projection.w_o", heads)
    wide = affine(weights, f"{name}.feed_forward.w_1", normed(weights, f"{name}.norm_2", x))
    return x + affine(weights, f"{name}.feed_forward.w_2", jax.nn.gelu(wide, approximate=True))


def attention(q, k, v, mask):
    """softmax(q k^T / sqrt(d)) v over (B,T,H,d)."""
    scores = jnp.einsum("bthd,bshd->bhts", q, k) / math.sqrt(q.shape[-1])
    return jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)), v)


def loss(weights, ids, size):
    """Mean cross entropy of ids[:, 1:] after ids[:, :-1]."""
    mask, table = np.tri(size["T"], dtype=bool), weights["embed.weight"]
    x = table[ids[:, :-1]] * math.sqrt(size["d_model"])
    for i in range(size["L"]):
        x = block(weights, i, x, angles(size), lambda q, k, v: attention(q, k, v, mask))
    said = jax.nn.log_softmax(normed(weights, "norm", x) @ table.T)
    return -jnp.mean(jnp.take_along_axis(said, ids[:, 1:, None], -1))


def decode(weights, given, size, free):
    """log-probabilities (T,1,V), ids (1,T). free: the most probable token goes in next, else a given one."""
    table, (cos, sin) = weights["embed.weight"], map(jnp.asarray, angles(size))
    shape = (size["L"], 2, 1, size["T"], size["H"], size["d_model"] // size["H"])

    def one(carry, place):
        cache, token = carry
        x = table[token][:, None] * math.sqrt(size["d_model"])
        for i in range(size["L"]):

            def attend(q, k, v, i=i):
                nonlocal cache
                cache = jax.lax.dynamic_update_slice(cache, jnp.stack([k, v])[None], (i, 0, 0, place, 0, 0))
                return attention(q, *cache[i], jnp.arange(size["T"]) <= place)

            x = block(weights, i, x, (cos[place], sin[place]), attend)
        said = jax.nn.log_softmax(normed(weights, "norm", x[:, 0]) @ table.T)
        best = said.argmax(-1)
        return (cache, best if free else given[:, place + 1]), (said, best)

    _, (said, best) = jax.lax.scan(one, (jnp.zeros(shape), given[:, 0]), jnp.arange(size["T"]))
    return said, best.T


def lstm(x, weights):
    """x (B,T,n) -> states (B,T,n); gates i f g o."""
    w_x, w_h, b_x, b_h = weights

    def one(state, a):
        h, c = state
        i, f, g, o = jnp.split(a + h @ w_h.T, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[0], w_h.shape[1]))
    return jax.lax.scan(one, (zeros, zeros), jnp.swapaxes(x @ w_x.T + b_x + b_h, 0, 1))[1].swapaxes(0, 1)


def gru(x, weights):
    """x (B,T,n) -> states (B,T,n); gates r z n."""
    w_x, w_h, b_x, b_h = weights

    def one(h, a):
        r, z, n = jnp.split(a, 3, -1)
        hr, hz, hn = jnp.split(h @ w_h.T + b_h, 3, -1)
        r, z = jax.nn.sigmoid(r + hr), jax.nn.sigmoid(z + hz)
        h = (1 - z) * jnp.tanh(n + r * hn) + z * h
        return h, h

    zeros = jnp.zeros((x.shape[0], w_h.shape[1]))
    return jax.lax.scan(one, zeros, jnp.swapaxes(x @ w_x.T + b_x, 0, 1))[1].swapaxes(0, 1)
