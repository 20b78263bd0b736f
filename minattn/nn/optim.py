"""Optimisers: from gradients to new parameters."""

import math

import numpy as np

from ..backends import asnumpy, xp
from ..errors import ArgumentError, CheckpointError


def clip_grad_norm(parameters, max_norm):
    """Scale all gradients together so that their joint length is at most `max_norm`; returns the former length.

    Source: arXiv 1211.5063, algorithm 1.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(xp.vdot(g.reshape(-1), g.reshape(-1))) for g in gradients))
    if norm > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad = p.grad * (max_norm / norm)
    return norm


class Optimiser:
    """Base: holds parameters and, for each, arrays of state by name.

    parameters   from `module.parameters()`
    lr           step size, may be changed between steps
    """

    state_names = ()

    def __init__(self, parameters, lr):
        self.parameters, self.lr, self.steps = list(parameters), lr, 0
        if not self.parameters:
            raise ArgumentError(
                f"{type(self).__name__}(parameters)",
                expected="at least one parameter",
                got="none",
                hint="pass model.parameters()",
            )
        if not lr >= 0:
            raise ArgumentError(f"{type(self).__name__}(lr)", expected="lr >= 0", got=lr, hint="lr=1e-3")
        self.state = [{n: xp.zeros_like(p.data) for n in self.state_names} for p in self.parameters]

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
        mine = {f"{i}.{n}": a.shape for i, s in enumerate(self.state) for n, a in s.items()}
        given = {k: tuple(v.shape) for k, v in state.items() if k not in ("steps", "lr")}
        if mine != given or not {"steps", "lr"} <= state.keys():
            raise CheckpointError(
                f"{type(self).__name__}.load_state_dict",
                expected=f"the state of {len(self.parameters)} parameters: {', '.join(self.state_names) or 'none'}",
                got=f"{len(given)} arrays that differ in name or shape",
                hint="use the optimiser and the model that the checkpoint was saved with",
            )
        self.steps, self.lr = int(state["steps"]), float(state["lr"])
        for i, arrays in enumerate(self.state):
            for name in arrays:
                arrays[name] = xp.array(state[f"{i}.{name}"])


class SGD(Optimiser):
    """v <- momentum v + g;  w <- w - lr v."""

    state_names = ("velocity",)

    def __init__(self, parameters, lr, momentum=0.0):
        super().__init__(parameters, lr)
        self.momentum = momentum

    def update(self, value, grad, state):
        state["velocity"] = self.momentum * state["velocity"] + grad
        return value - self.lr * state["velocity"]


class Adam(Optimiser):
    """Steps of about lr in each direction, whatever the size of the gradient. Source: arXiv 1412.6980, algorithm 1.

    betas          decay of the running means of g and g^2
    eps            keeps the division finite
    """

    state_names = ("mean", "square")

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr)
        self.betas, self.eps = betas, eps

    def update(self, value, grad, state):
        b1, b2 = self.betas
        mean, square = state["mean"], state["square"]
        mean *= b1
        mean += (1 - b1) * grad
        square *= b2
        square += (1 - b2) * grad * grad
        size = xp.sqrt(square) / math.sqrt(1 - b2**self.steps) + self.eps
        return value - (self.lr / (1 - b1**self.steps)) * mean / size


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w <- w - lr (adam + decay w). Source: arXiv 1711.05101.

    decay   share of each weight, times lr, taken away a step
    """

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-8, decay=0.01):
        super().__init__(parameters, lr, betas, eps)
        self.decay = decay

    def update(self, value, grad, state):
        return super().update(value * (1 - self.lr * self.decay), grad, state)
