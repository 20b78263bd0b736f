"""JAX: every step is one function, compiled by jax.jit. Its GPT is in jax_gpt.py."""

import jax
import jax.numpy as jnp
import numpy as np

from .. import workloads
from ..job import Job
from . import jax_gpt

CHUNK = 64


def prepare():
    """Nothing: its threads are as many as the cores that the process may use."""


def attention(workload):
    """softmax(q k^T / sqrt(d)) v, causal."""
    mask = np.tri(workload.size["T"], dtype=bool)

    def function(q, k, v):
        scores = q @ k.mT / np.sqrt(q.shape[-1], dtype=np.float32)
        return jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ v

    return _attention(workload, function)


def linear_attention(workload):
    """Causal linear attention in pieces: what came before a piece is one matrix, inside it all pairs."""
    mask = np.tri(CHUNK, dtype=np.float32)

    def function(q, k, v):
        shape = q.shape
        q, k, v = (a.reshape(*shape[:2], -1, CHUNK, shape[3]) for a in (q, k, v))
        each = k.mT @ v
        before = jnp.cumsum(each, 2) - each
        return (q @ before + ((q @ k.mT) * mask) @ v).reshape(shape)

    return _attention(workload, function)


def _attention(workload, function):
    q, k, v, g = (jnp.asarray(a) for a in workloads.arrays(workload).values())

    def both(q, k, v, g):
        out, back = jax.vjp(function, q, k, v)
        return [out, *back(g)]

    if workload.backward:
        return _job(jax.jit(both), q, k, v, g)
    return _job(jax.jit(lambda q, k, v: [function(q, k, v)]), q, k, v)


def recurrent(workload):
    """One scan; the inputs of all steps are multiplied by their weights at once, before it."""
    kept = workloads.weights(workload)
    weights = tuple(jnp.asarray(kept[f"scans.0.{name}"]) for name in ("w_x", "w_h", "b_x", "b_h"))
    x, g = (jnp.asarray(a) for a in workloads.arrays(workload).values())
    function = jax_gpt.lstm if workload.size["gates"] == 4 else jax_gpt.gru

    @jax.jit
    def both(x, weights, g):
        out, back = jax.vjp(function, x, weights)
        dx, dw = back(g)
        return [out, dx, *dw]

    return _job(both, x, weights, g)


def training(workload):
    """Loss, gradients and AdamW in one compiled function, which may reuse the memory of its arguments."""
    state = jax_gpt.start(workloads.weights(workload))
    batches = [jnp.asarray(ids) for ids in workloads.arrays(workload)["ids"]]
    loss_and_grads = jax.value_and_grad(lambda w, ids: jax_gpt.loss(w, ids, workload.size))
    done = 0

    def update(state, ids):
        loss, grads = loss_and_grads(state["weights"], ids)
        length = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(grads)))
        return jax_gpt.adamw(state, grads), loss, length

    update = jax.jit(update, donate_argnums=0)

    def step():
        nonlocal state, done
        done += 1
        batch = batches[done % len(batches)]
        state, loss, length = jax.block_until_ready(update(state, batch))
        return loss, length

    def check():
        (first, length), (second, _), (third, _) = step(), step(), step()
        return [np.array([first, second, third]), np.array([length])]

    return Job(step, check)


def decoding(workload):
    """All tokens in one compiled loop, which keeps keys and values."""
    weights = jax_gpt.start(workloads.weights(workload))["weights"]
    given = jnp.asarray(workloads.arrays(workload)["ids"][0])

    @jax.jit
    def read(weights, given):
        return jax_gpt.decode(weights, given, workload.size, free=False)[0]

    @jax.jit
    def write(weights, given):
        return jax_gpt.decode(weights, given, workload.size, free=True)[1]

    def step():
        return write(weights, given).tolist()

    return Job(
        step, lambda: [np.asarray(read(weights, given)), np.array(step(), dtype=float)], workload.size["T"]
    )


def _job(function, *given):
    def step():
        return jax.block_until_ready(function(*given))

    return Job(step, lambda: [np.asarray(a) for a in step()])
