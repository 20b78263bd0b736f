"""What masks and positions say, for the fused primitive: as rules where they have one, as tables where not.

A causal mask is the rule "no key after the query"; as a table it has T x S booleans.
"""

from ..backends import xp


def structure(attention, t):
    """The arguments `mask`, `bias`, `window` and `radial` of `ops.attention` for a record."""
    mask, left, right = None if t.valid is None else t.valid[:, None, None, :], None, None
    for rule in attention.masks:
        if t.offset is not None and _says(rule, "window", beside="__call__"):
            left, right = map(_nearer, (left, right), rule.window)
        else:
            table = rule(t)
            mask = table if mask is None else mask & table
    bias = radial = None
    for position in attention.positions:
        if t.offset is not None and _says(position, "radial", beside="bias"):
            distance = xp.arange(1 - t.k.shape[2], t.q.shape[2]) + t.offset
            radial = _sum(radial, position.radial(t, distance))
        else:
            bias = _sum(bias, position.bias(t))
    return {"mask": mask, "bias": bias, "window": _by_index(left, right, t.offset), "radial": radial}


def _says(slot, name, beside):
    """True where the class that defines `beside` defines `name` too: a subclass may change one alone."""
    return name in vars(next(c for c in type(slot).__mro__ if beside in vars(c)))


def _nearer(one, two):
    """The smaller of two bounds; None is no bound."""
    return two if one is None else one if two is None else min(one, two)


def _sum(total, more):
    return more if total is None else total if more is None else total + more


def _by_index(left, right, offset):
    """A window of places as one of indices: query i stands at the place of key i + offset."""
    if left is None and right is None:
        return None
    return None if left is None else left - offset, None if right is None else right + offset
