"""2. Numbers that remember how they were made.

Tensor, tensor      an array with a gradient and a place on the tape
primitive           a function with its derivative, kernels and samples side by side
gradcheck           the derivative against central differences
no_grad, precision  switch the tape off; choose the float size
ops                 every differentiable function
"""

from . import operators as _operators  # noqa: F401  gives Tensor its + - * / @ [] and methods
from . import ops
from .check import gradcheck, numerical_gradient
from .primitive import PRIMITIVES, Primitive, call, primitive
from .tensor import Tensor, as_tensor, grad_enabled, no_grad, precision, tensor

__all__ = [
    "PRIMITIVES", "Primitive", "Tensor", "as_tensor", "call", "grad_enabled", "gradcheck", "no_grad",
    "numerical_gradient", "ops", "precision", "primitive", "tensor",
]  # fmt: skip
