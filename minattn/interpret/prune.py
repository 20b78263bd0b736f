"""Pruning after training: by scores, or greedily by a loss that is measured; and what is saved."""

import copy
import math
from dataclasses import dataclass

import numpy as np

from ..autodiff import Tensor
from ..errors import ArgumentError
from ..nn import Parameter
from .gates import Gated


def ranked(importance):
    """[(path, head)], the least important first, over all attentions of {path: (H,)}; ties as they come."""
    heads = [(path, h) for path, scores in importance.items() for h in range(len(scores))]
    return sorted(heads, key=lambda head: importance[head[0]][head[1]])


def switch_off(gates, heads):
    """Switch off the (path, head) in `heads`, and all others on."""
    off = set(heads)
    for path, gate in gates.items():
        gate.xi = Tensor([float((path, h) not in off) for h in range(gate.n_groups)])


@dataclass(frozen=True)
class Element:
    """Something that can be switched off: groups of one gate. index None: all of them, the whole block."""

    name: str
    gate: Gated
    index: object = None

    @property
    def groups(self):
        return slice(None) if self.index is None else self.index


@dataclass(frozen=True)
class Tried:
    """One step of `greedy_prune`: the loss without the element, and whether it stayed off."""

    element: Element
    loss: float
    off: bool


def greedy_prune(elements, loss, tol=0.0):
    """Switch elements off one after the other, and leave off those without which the loss is no larger.

        keep e off where loss without e <= smallest loss so far + tol

    elements   Elements in the order in which they are tried, whole blocks before their parts; what is off
               already is left out
    loss       () -> float, on validation data: a loss, because accuracy moves in steps
    tol        0: only what hinders, or does nothing, goes; above 0: accuracy is traded for speed
    Returns [Tried]. With tol = 0 the loss at the end is never above that at the start.
    Source: arXiv 2010.03688, section 3. Ours: the order, and the smallest loss so far as the bar.
    """
    best, steps = loss(), []
    if not math.isfinite(best):
        raise ArgumentError("greedy_prune", expected="a finite loss", got=best, hint="train first")
    for element in elements:
        gate, groups = element.gate, element.groups
        before = gate.xi.numpy().copy()
        if not before[groups].any():
            continue
        after = before.copy()
        after[groups] = 0
        gate.xi = Tensor(after)
        found = float(loss())
        off = found <= best + tol
        steps.append(Tried(element, found, off))
        if off:
            best = min(best, found)
        else:
            gate.xi = Tensor(before)
    return steps


def multiplications(heads, neurons, length):
    """Multiplications of one token, in the parts that are on: maps, scores, sums of an attention, blocks.

    heads    {path: Gated} of `gate_heads`, neurons: of `gate_neurons` (FeedForward)
    length   keys that a token attends to

    An attention has 4 d_model d + 2 length d a head, a block 2 d_model a neuron; norms and softmax are free.
    """
    total = 0
    for gate in heads.values():
        d_model, d = gate.linear.n_out, gate.linear.n_in // gate.n_groups
        total += int(gate.active.sum()) * (4 * d_model * d + 2 * length * d)
    for gate in neurons.values():
        size = gate.linear.n_in // gate.n_groups
        total += int(gate.active.sum()) * 2 * gate.linear.n_out * size
    return total


def remove_heads(attention):
    """Take the heads that are switched off out of a gated multi-head attention, in place; it says the same.

    Raises ArgumentError where queries share keys, a slot has its own number of heads, switches are neither 0
    nor 1, or none is on.
    """
    old = attention.projection
    gate = old.w_o
    slots = (attention.score, attention.weights, attention.memory, *attention.positions, *attention.masks)
    if (
        not isinstance(gate, Gated)
        or old.n_kv_heads != old.n_heads
        or any(getattr(slot, "n_heads", None) for slot in slots)
        or not gate.active.any()
        or set(np.unique(gate.xi.numpy())) - {0.0, 1.0}
    ):
        raise ArgumentError(
            "remove_heads",
            expected="a gated attention with keys for each head and plain slots, switches 0 or 1, not all 0",
            got=repr(old),
            hint="gate_heads(model), and leave out a block that is off altogether",
        )
    kept = np.flatnonzero(np.repeat(gate.active, old.d_head))
    new = copy.copy(old)
    new.n_heads = new.n_kv_heads = int(gate.active.sum())
    new.w_q, new.w_k, new.w_v = (_part(w, rows=kept) for w in (old.w_q, old.w_k, old.w_v))
    new.w_o = _part(gate.linear, columns=kept)
    attention.projection = new


def _part(linear, rows=None, columns=None):
    """A Linear with some of another's outputs or inputs."""
    new = copy.copy(linear)
    if rows is not None:
        new.n_out, new.weight = len(rows), Parameter(linear.weight.data[rows])
        new.bias = None if linear.bias is None else Parameter(linear.bias.data[rows])
    else:
        new.n_in, new.weight = len(columns), Parameter(linear.weight.data[:, columns])
    return new
