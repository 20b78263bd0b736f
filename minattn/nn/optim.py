"""Optimisers: from gradients to new parameters."""

import math

import numpy as np

from ..backends import Declined, asnumpy, dispatch, kernel, on_device, xp
from ..backends.graph import device_numbers, each_step, recording
from ..errors import ArgumentError, CheckpointError
from . import clip_kernel  # noqa: F401 - fills the table of kernels
from .adam_kernel import adam
from .flat import Flat


def clip_grad_norm(parameters, max_norm):
    """Scale all gradients together to a joint length of at most `max_norm`; returns the former length.

    A step that is captured gets the length as an array: see `backends.capture`.
    Source: arXiv 1211.5063, algorithm 1.
    """
    if not max_norm > 0:
        raise ArgumentError("clip_grad_norm(max_norm)", expected="max_norm > 0", got=max_norm, hint="1.0")
    parameters = [p for p in parameters if p.grad is not None]
    squares = [_sum_of_squares(p.grad) for p in parameters]
    if on_device():
        return _clip_unseen(parameters, squares, max_norm)
    norm = math.sqrt(sum(map(float, squares)))
    if norm > max_norm:
        for p in parameters:
            p.grad = _scaled(p.grad, max_norm / norm)
    return norm


def _sum_of_squares(grad):
    """|grad|^2."""
    found = dispatch.run("sum of squares", grad)
    return xp.vdot(grad, grad) if isinstance(found, Declined) else found


def _scaled(grad, factor):
    """factor grad, a new array."""
    found = dispatch.run("scale", grad, factor)
    return grad * factor if isinstance(found, Declined) else found


def _clip_unseen(parameters, squares, max_norm):
    """The same without a look at the norm, which a GPU has not computed yet: shorter gradients times 1."""
    norm = xp.sqrt(sum(squares, xp.zeros(())))
    if max_norm < math.inf:
        scale = max_norm / xp.maximum(norm, max_norm)
        for p in parameters:
            p.grad = p.grad * scale.astype(p.grad.dtype)
    return norm if recording() else float(norm)


class Optimiser:
    """Base: holds parameters and, for each, arrays of state by name.

    parameters   from `module.parameters()`; one that comes twice counts once
    lr           step size, may be changed between steps
    A parameter without a gradient stays where it is. The parameters' arrays become parts of one array (see
    `Flat`), and a step changes them in place: copy what you want to keep, and call `backward` before `step`.
    """

    state_names = ()

    def __init__(self, parameters, lr):
        self.parameters, self.lr, self.steps = list(dict.fromkeys(parameters)), lr, 0
        if not self.parameters:
            self._refuse("parameters", "at least one parameter", "none", "pass model.parameters()")
        if not lr >= 0:
            self._refuse("lr", "lr >= 0", lr, "lr=1e-3")
        self.flats = self._laid_flat()

    def _laid_flat(self):
        """The parameters of each dtype, end to end; their state is zero."""
        kinds = dict.fromkeys(p.dtype for p in self.parameters)
        return [Flat([p for p in self.parameters if p.dtype == kind], self.state_names) for kind in kinds]

    @property
    def state(self):
        """For each parameter {name: array of its shape}, parts of the arrays that a step changes."""
        found = {}
        for flat in self.flats:
            parts = {name: flat.parts(array) for name, array in flat.state.items()}
            for i, parameter in enumerate(flat.parameters):
                found[parameter] = {name: each[i] for name, each in parts.items()}
        return [found[parameter] for parameter in self.parameters]

    def _refuse(self, name, expected, got, hint):
        raise ArgumentError(f"{type(self).__name__}({name})", expected=expected, got=got, hint=hint)

    def zero_grad(self):
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        """Move every parameter that has a gradient."""
        each_step(self._count)
        for flat in self.flats:
            numbers = device_numbers(self.numbers, flat.values.dtype) if on_device() else self.numbers()
            for part, grad in flat.gather():
                state = {name: array[part] for name, array in flat.state.items()}
                self.update(flat.values[part], grad, state, numbers)

    def _count(self):
        self.steps += 1

    def numbers(self):
        """The numbers that `update` needs in this step, a tuple."""
        return (self.lr,)

    def update(self, value, grad, state, numbers):
        """Change `value` (n,) and `state`, {name: (n,)}, in place; subclasses write it.

        They are n numbers of one parameter, or of several, one after another: what happens to one number
        depends on nothing but its own gradient and state, and on `numbers` (on a GPU, an array).
        """
        raise NotImplementedError

    def state_dict(self):
        """{name: array} of everything that the next step depends on, but the parameters."""
        arrays = {f"{i}.{n}": np.array(asnumpy(a)) for i, s in enumerate(self.state) for n, a in s.items()}
        return {"steps": np.array(self.steps), "lr": np.array(self.lr), **arrays}

    def load_state_dict(self, state):
        """Take over what `state_dict` gave. Raises CheckpointError where it is another optimiser's."""
        shapes = {"steps": (), "lr": ()}
        shapes |= {f"{i}.{n}": a.shape for i, s in enumerate(self.state) for n, a in s.items()}
        given = {name: np.shape(asnumpy(array)) for name, array in dict(state).items()}
        if shapes != given:
            different = sorted(k for k in shapes.keys() | given.keys() if shapes.get(k) != given.get(k))
            raise CheckpointError(
                f"{type(self).__name__}.load_state_dict",
                expected=f"the {len(shapes)} arrays that this optimiser's state_dict gives",
                got=f"{len(given)} arrays; missing, unknown or of another shape: {', '.join(different[:4])}",
                hint="use the optimiser and the model that the checkpoint was saved with",
            )
        self.steps, self.lr = int(state["steps"]), float(state["lr"])
        self.flats = self._laid_flat()
        for i, arrays in enumerate(self.state):
            for name, array in arrays.items():
                array[...] = xp.asarray(state[f"{i}.{name}"], dtype=array.dtype)


class SGD(Optimiser):
    """v <- momentum v + g;  w <- w - lr v."""

    state_names = ("velocity",)

    def __init__(self, parameters, lr, momentum=0.0):
        super().__init__(parameters, lr)
        if not 0 <= momentum < 1:
            self._refuse("momentum", "0 <= momentum < 1", momentum, "momentum=0.9")
        self.momentum = momentum

    def numbers(self):
        return self.lr, self.momentum

    def update(self, value, grad, state, numbers):
        lr, momentum = numbers
        velocity = state["velocity"]
        velocity *= momentum
        velocity += grad
        value -= lr * velocity


class Adam(Optimiser):
    """Steps of about lr in each direction, whatever the size of the gradient.

        m <- b1 m + (1 - b1) g        s <- b2 s + (1 - b2) g^2
        w <- w - lr m / (1 - b1^t) / (sqrt(s / (1 - b2^t)) + eps)

    betas   b1, b2: decay of the running means of g and g^2
    eps     keeps the division finite
    Source: arXiv 1412.6980, algorithm 1.
    """

    state_names = ("mean", "square")

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr)
        if not all(0 <= b < 1 for b in betas):
            self._refuse("betas", "two numbers in [0, 1)", betas, "betas=(0.9, 0.999)")
        self.betas, self.eps = betas, eps

    keep = 1.0  # the share of the old value that stays

    def numbers(self):
        (b1, b2), t = self.betas, self.steps
        rate, root = self.lr / (1 - b1**t), math.sqrt(1 - b2**t)
        return b1, 1 - b1, b2, 1 - b2, rate, 1 / root, self.keep, self.eps

    def update(self, value, grad, state, numbers):
        mean, square = state["mean"], state["square"]
        if not isinstance(dispatch.run("adam", value, grad, mean, square, numbers), Declined):
            return
        b1, rest1, b2, rest2, rate, unroot, keep, eps = numbers
        mean *= b1
        mean += rest1 * grad
        square *= b2
        square += rest2 * grad * grad
        value *= keep
        value -= rate * mean / (xp.sqrt(square) * unroot + eps)


kernel("adam", "numba")(adam)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w <- w - lr (adam + decay w).

    decay   share of each weight, times lr, taken away a step
    Source: arXiv 1711.05101, algorithm 2.
    """

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-8, decay=0.01):
        super().__init__(parameters, lr, betas, eps)
        if not decay >= 0:
            self._refuse("decay", "decay >= 0", decay, "decay=0.01")
        self.decay = decay

    @property
    def keep(self):
        return 1 - self.lr * self.decay
