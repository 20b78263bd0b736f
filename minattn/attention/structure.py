"""What masks and positions say, for the fused primitive: as rules where they have one, as tables where not.

A causal mask is the rule "no key after the query"; as a table it has T x S booleans.
"""

from ..autodiff import ops
from ..autodiff.tensor import as_array
from ..backends import xp
from .memory.front import side_by_side


def fused(attention, t):
    """The heads of a record through the fused primitive."""
    rules, scale = structure(attention, t), attention.score.scale(t)
    if t.front is None:
        return ops.attention(t.q, t.k, t.v, scale=scale, **rules)
    (k, v), q, others = t.front.beside(t), t.q, t.k
    if q is not t.front.q:  # turned: zeros where a key would meet the other kind of query
        q = ops.concatenate([t.front.q, q], axis=-1)
        k = ops.concatenate([k, xp.zeros(k.shape, dtype=k.dtype)], axis=-1)
        others = ops.concatenate([xp.zeros(others.shape, dtype=others.dtype), others], axis=-1)
    k, v = (ops.concatenate(pair, axis=2) for pair in ((k, others), (v, t.v)))
    return ops.attention(q, k, v, scale=scale, **rules)


def structure(attention, t):
    """The arguments `mask`, `bias`, `window` and `radial` of `ops.attention` for a record."""
    mask, left, right = None if t.valid is None else t.valid[:, None, None, :], None, None
    ahead = 0 if t.front is None else len(t.front)  # keys without a place: no rule may reach back to them
    for rule in attention.masks:
        if _follows(t, rule, "window", "__call__") and not (ahead and rule.window[0] is not None):
            left, right = map(_nearer, (left, right), rule.window)
        else:
            table = rule(t)
            mask = table if mask is None else mask & table
    bias = radial = None
    for position in attention.positions:
        if _follows(t, position, "radial", "bias") and not ahead:
            distance = xp.arange(1 - t.k.shape[2], t.q.shape[2]) + t.offset
            radial = _sum(radial, position.radial(t, distance))
        else:
            bias = _sum(bias, position.bias(t))
    if ahead:
        mask = t.front.before(mask, t.k.shape[2])
        bias = bias if bias is None else side_by_side(xp.zeros((1, ahead), dtype=t.q.dtype), as_array(bias))
    return {"mask": mask, "bias": bias, "window": _by_index(left, right, t.offset, ahead), "radial": radial}


def _follows(t, slot, name, beside):
    """True where places go up by 1 and the slot says its rule, `name`, beside its table.

    That is, the class that defines `beside` defines `name` too: a subclass may change one alone.
    """
    if t.offset is None:
        return False
    return name in vars(next(c for c in type(slot).__mro__ if beside in vars(c)))


def _nearer(one, two):
    """The smaller of two bounds; None is no bound."""
    return two if one is None else one if two is None else min(one, two)


def _sum(total, more):
    return more if total is None else total if more is None else total + more


def _by_index(left, right, offset, ahead):
    """A window of places as one of indices: query i stands at the place of key i + offset + ahead."""
    if left is None and right is None:
        return None
    return None if left is None else left - offset, None if right is None else right + offset + ahead
