"""Optimisers: from gradients to new parameters."""

import math

import numpy as np

from ..backends import asnumpy, current, xp
from ..backends.select import when_loaded
from ..errors import ArgumentError, CheckpointError
from .adam_kernel import adam


def clip_grad_norm(parameters, max_norm):
    """Scale all gradients together to a joint length of at most `max_norm`; returns the former length.

    Source: arXiv 1211.5063, algorithm 1.
    """
    if not max_norm > 0:
        raise ArgumentError("clip_grad_norm(max_norm)", expected="max_norm > 0", got=max_norm, hint="1.0")
    parameters = [p for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(xp.vdot(p.grad, p.grad)) for p in parameters))
    if norm > max_norm:
        for p in parameters:
            p.grad = p.grad * (max_norm / norm)
    return norm


class Optimiser:
    """Base: holds parameters and, for each, arrays of state by name.

    parameters   from `module.parameters()`
    lr           step size, may be changed between steps
    A parameter without a gradient stays where it is.
    """

    state_names = ()

    def __init__(self, parameters, lr):
        self.parameters, self.lr, self.steps = list(parameters), lr, 0
        if not self.parameters:
            self._refuse("parameters", "at least one parameter", "none", "pass model.parameters()")
        if not lr >= 0:
            self._refuse("lr", "lr >= 0", lr, "lr=1e-3")
        self.state = [{n: xp.zeros_like(p.data) for n in self.state_names} for p in self.parameters]

    def _refuse(self, name, expected, got, hint):
        raise ArgumentError(f"{type(self).__name__}({name})", expected=expected, got=got, hint=hint)

    def zero_grad(self):
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        """Move every parameter that has a gradient."""
        self.steps += 1
        for parameter, state in zip(self.parameters, self.state):
            if parameter.grad is not None:
                parameter.data = self.update(parameter.data, parameter.grad, state)

    def update(self, value, grad, state):
        """The new value of one parameter; subclasses write it and change `state` in place."""
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
        for i, arrays in enumerate(self.state):
            for name, old in arrays.items():
                arrays[name] = xp.array(state[f"{i}.{name}"], dtype=old.dtype)


class SGD(Optimiser):
    """v <- momentum v + g;  w <- w - lr v."""

    state_names = ("velocity",)

    def __init__(self, parameters, lr, momentum=0.0):
        super().__init__(parameters, lr)
        if not 0 <= momentum < 1:
            self._refuse("momentum", "0 <= momentum < 1", momentum, "momentum=0.9")
        self.momentum = momentum

    def update(self, value, grad, state):
        state["velocity"] = self.momentum * state["velocity"] + grad
        return value - self.lr * state["velocity"]


FUSED = {"numba": adam}  # backend -> one step of Adam in a single kernel, or NotImplemented


@when_loaded("cupy")
def _():
    from ..autodiff.ops.cuda.adamw import adamw

    FUSED["cupy"] = adamw


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

    def update(self, value, grad, state):
        return self._move(value, grad, state, 1.0)

    def _move(self, value, grad, state, keep):
        """The new value; `keep` is the share of the old one that stays."""
        b1, b2 = self.betas
        rate, root = self.lr / (1 - b1**self.steps), math.sqrt(1 - b2**self.steps)
        if kernel := FUSED.get(current()):
            moved = kernel(value, grad, state, (b1, b2, rate, root, keep, self.eps))
            if moved is not NotImplemented:
                return moved
        mean, square = state["mean"], state["square"]
        mean *= b1
        mean += (1 - b1) * grad
        square *= b2
        square += (1 - b2) * grad * grad
        size = xp.sqrt(square) / root + self.eps
        return (value if keep == 1 else value * keep) - rate * mean / size


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

    def update(self, value, grad, state):
        return self._move(value, grad, state, 1 - self.lr * self.decay)
