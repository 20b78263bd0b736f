"""A module holds parameters and other modules, and finds them by looking at its own attributes."""

import numpy as np

from ..autodiff import Tensor
from ..backends import asnumpy, xp
from ..errors import CheckpointError


class Parameter(Tensor):
    """A tensor that training changes."""

    __slots__ = ()

    def __init__(self, data):
        super().__init__(data, requires_grad=True)


def _children(value, name):
    """(name, thing) for every parameter or module inside an attribute's value."""
    if isinstance(value, (Parameter, Module)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _children(item, f"{name}.{i}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _children(item, f"{name}.{key}")


def _few(names):
    return ", ".join(names[:4]) + (" .." if len(names) > 4 else "")


class Module:
    """Base of everything with parameters. Assign parameters, modules or lists of modules as attributes.

    >>> class Scale(Module):
    ...     def __init__(self): self.gain = Parameter(np.ones(3))
    >>> Scale().n_parameters()
    3
    """

    training = True

    def children(self):
        """(name, parameter or module) directly inside this module, in order of assignment."""
        for name, value in vars(self).items():
            yield from _children(value, name)

    def named_modules(self, prefix=""):
        """(path, module) of this module ("") and of all below it; a shared module comes once."""
        seen, waiting = set(), [(prefix, self)]
        while waiting:
            path, module = waiting.pop(0)
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            waiting[:0] = [
                (f"{path}.{name}" if path else name, child)
                for name, child in module.children()
                if isinstance(child, Module)
            ]

    def modules(self):
        """This module and all below it."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self):
        """(path, parameter) of all below; a shared parameter comes once, under its first path."""
        seen = set()
        for path, module in self.named_modules():
            for name, child in module.children():
                if isinstance(child, Parameter) and id(child) not in seen:
                    seen.add(id(child))
                    yield f"{path}.{name}" if path else name, child

    def parameters(self):
        """All parameters, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def n_parameters(self):
        """How many numbers training can change."""
        return sum(parameter.size for parameter in self.parameters())

    def zero_grad(self):
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode=True):
        """Switch dropout and the like on (or off); returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """Switch dropout and the like off; returns self."""
        return self.train(False)

    def state_dict(self):
        """{path: NumPy array} of copies of all parameters."""
        return {name: np.array(asnumpy(p.data)) for name, p in self.named_parameters()}

    def load_state_dict(self, state):
        """Copy `state`, {path: array}, into the parameters.

        Raises CheckpointError, and changes nothing, where names or shapes differ.
        """
        mine = dict(self.named_parameters())
        given = {name: asnumpy(array) for name, array in dict(state).items()}
        self._check_state(mine, given)
        for name, parameter in mine.items():
            parameter.data = xp.array(given[name], dtype=parameter.dtype)

    def _check_state(self, mine, given):
        misfits = [
            f"{name} {given[name].dtype} {given[name].shape} instead of {mine[name].shape}"
            for name in sorted(mine.keys() & given.keys())
            if given[name].shape != mine[name].shape or given[name].dtype.kind not in "fiub"
        ]
        problems = {
            "missing": sorted(mine.keys() - given.keys()),
            "unknown": sorted(given.keys() - mine.keys()),
            "misfit": misfits,
        }
        if any(problems.values()):
            raise CheckpointError(
                f"{type(self).__name__}.load_state_dict",
                expected=f"{len(mine)} parameters of this model",
                got="; ".join(f"{what}: {_few(names)}" for what, names in problems.items() if names),
                hint="build the model with the settings that it was saved with",
            )

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def forward(self, *args, **kwargs):
        """What the module computes; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __repr__(self):
        return f"{type(self).__name__}({self.n_parameters():,} parameters)"
