"""Parameters end to end in one array, so that an optimiser moves them all at once."""

from ..backends import xp
from ..errors import ShapeError

LARGE = 1 << 17  # numbers; a smaller gradient costs less to copy than a call of its own


class Flat:
    """Parameters of one dtype, n numbers together; each parameter's `data` becomes a part of `values`.

    parameters   small ones first, so that their gradients are neighbours too
    values       (n,): all parameters, one after another
    state        {name: (n,)}: what the optimiser remembers, at first zeros

    Each parameter keeps its shape. It may get another array at any time (`p.data = ..`): `gather` copies the
    numbers into the part, and makes the part the parameter's data again.
    """

    def __init__(self, parameters, names):
        self._join(sorted(parameters, key=lambda p: p.size))
        self.state = {name: xp.zeros_like(self.values) for name in names}

    def _join(self, parameters):
        self.parameters = parameters
        self.values = xp.concatenate([xp.asarray(p.data).reshape(-1) for p in parameters])
        self.room = xp.zeros(sum(p.size for p in parameters if p.size < LARGE), dtype=self.values.dtype)
        for parameter, part in zip(parameters, self.parts(self.values)):
            parameter.data = part
        self._parts = [p.data for p in parameters]

    def __getstate__(self):  # for copy.deepcopy and pickle: a copy of a part would be a part of nothing
        return self.parameters, self.state

    def __setstate__(self, kept):
        parameters, self.state = kept
        self._join(parameters)

    def parts(self, array):
        """The part of an array (n,) that belongs to each parameter, in its shape."""
        stop, found = 0, []
        for p in self.parameters:
            start, stop = stop, stop + p.size
            found.append(array[start:stop].reshape(p.shape))
        return found

    def gather(self):
        """[(slice, gradients)]: which numbers have a gradient, and the gradients (slice,).

        Small gradients are copied next to each other and share a slice as long as none between them is
        missing; a large one has its own, and is not copied.
        """
        stop, found, small = 0, [], slice(0, 0)
        for parameter, part in zip(self.parameters, self._parts):
            start, stop = stop, stop + part.size
            if parameter.data is not part:
                _check_shape(parameter.data, part, "data")
                part[...], parameter.data = parameter.data, part
            if parameter.grad is None:
                continue
            _check_shape(parameter.grad, part, "grad")
            if part.size >= LARGE:
                grad = xp.ascontiguousarray(parameter.grad, dtype=part.dtype)
                found.append((slice(start, stop), grad.reshape(-1)))
                continue
            self.room[start:stop] = parameter.grad.reshape(-1)
            if small.stop < start:
                found.append((small, self.room[small]))
                small = slice(start, start)
            small = slice(small.start, stop)
        found.append((small, self.room[small]))
        return [(part, grad) for part, grad in found if grad.size]


def _check_shape(array, part, name):
    if array.shape != part.shape:
        hint = "make the optimiser after the parameters have their shapes"
        raise ShapeError(f"step(), parameter.{name}", expected=part.shape, got=array.shape, hint=hint)
