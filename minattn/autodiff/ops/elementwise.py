"""Functions that act on each element by itself."""

import math

import numpy as np

from ...backends import xp
from ..primitive import call, primitive
from .gelu_kernels import from_slope, gelu_flat, silu_flat, with_slope


@primitive
def add(x, y):
    """x + y, with broadcasting."""
    return x + y


@add.vjp
def _(g, out, x, y):
    return g, g


@add.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(2, 3)))
    yield call(rng.normal(size=(5, 1, 3)), rng.normal(size=(2, 1)))
    yield call(rng.normal(size=(0, 3)), rng.normal(size=(1, 3)))
    yield call(rng.normal(size=(2, 3)), 2.0)


@primitive
def subtract(x, y):
    """x - y, with broadcasting."""
    return x - y


@subtract.vjp
def _(g, out, x, y):
    return g, lambda: -g


@subtract.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(5, 2, 1)))
    yield call(1, rng.normal(size=(2, 3)))


@primitive
def multiply(x, y):
    """x * y element by element, with broadcasting."""
    return x * y


@multiply.vjp
def _(g, out, x, y):
    return lambda: g * y, lambda: g * x


@multiply.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(5, 2, 1)))
    yield call(rng.normal(size=(2, 3)), 3)


@primitive
def divide(x, y):
    """x / y element by element, with broadcasting."""
    return x / y


@divide.vjp
def _(g, out, x, y):
    return lambda: g / y, lambda: -g * out / y


@divide.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.uniform(1, 2, size=(5, 2, 1)))
    yield call(1.0, rng.uniform(1, 2, size=(2, 3)))


@primitive
def negative(x):
    """-x."""
    return -x


@negative.vjp
def _(g, out, x):
    return (lambda: -g,)


@negative.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def power(x, exponent):
    """x ** exponent; where the exponent needs a gradient, x must be positive."""
    return x**exponent


@power.vjp
def _(g, out, x, exponent):
    return lambda: g * exponent * x ** (exponent - 1), lambda: g * out * xp.log(x)


@power.samples
def _(rng):
    yield call(rng.uniform(1, 2, size=(2, 3)), 3)
    yield call(rng.uniform(1, 2, size=(2, 3)), -0.5)
    yield call(rng.uniform(1, 2, size=(2, 3)), rng.normal(size=(5, 1, 3)))
    yield call(2.0, rng.normal(size=(2, 3)))


@primitive
def exp(x):
    """e ** x."""
    return xp.exp(x)


@exp.vjp
def _(g, out, x):
    return (g * out,)


@exp.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def log(x):
    """The natural logarithm."""
    return xp.log(x)


@log.vjp
def _(g, out, x):
    return (g / x,)


@log.samples
def _(rng):
    yield call(rng.uniform(1, 2, size=(2, 3)))


@primitive
def sqrt(x):
    """The square root."""
    return xp.sqrt(x)


@sqrt.vjp
def _(g, out, x):
    return (g / (2 * out),)


@sqrt.samples
def _(rng):
    yield call(rng.uniform(1, 2, size=(2, 3)))


@primitive
def sin(x):
    """The sine of x radians."""
    return xp.sin(x)


@sin.vjp
def _(g, out, x):
    return (g * xp.cos(x),)


@sin.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def cos(x):
    """The cosine of x radians."""
    return xp.cos(x)


@cos.vjp
def _(g, out, x):
    return (-g * xp.sin(x),)


@cos.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def tanh(x):
    """The hyperbolic tangent, in (-1, 1)."""
    return xp.tanh(x)


@tanh.vjp
def _(g, out, x):
    return (g * (1 - out * out),)


@tanh.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def sigmoid(x):
    """1 / (1 + exp(-x)), in (0, 1); written with tanh, which does not overflow."""
    return 0.5 * (xp.tanh(0.5 * x) + 1)


@sigmoid.vjp
def _(g, out, x):
    return (g * out * (1 - out),)


@sigmoid.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))
    yield call(rng.normal(size=(2, 3)) * 1e2)


@primitive
def softplus(x):
    """log(1 + exp(x)), a smooth max(x, 0)."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


@softplus.vjp
def _(g, out, x):
    return (g * 0.5 * (xp.tanh(0.5 * x) + 1),)


@softplus.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)) * 10)


@primitive
def relu(x):
    """max(x, 0); the derivative at 0 is 0."""
    return xp.maximum(x, 0)


@relu.vjp
def _(g, out, x):
    return (g * (x > 0),)


@relu.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


_GELU = math.sqrt(2 / math.pi)


@primitive(saves=True)
def gelu(x):
    """x Phi(x) in its tanh form: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

    Source: arXiv 1606.08415, section 2.
    """
    t = xp.tanh(_GELU * (x + 0.044715 * x * x * x))
    return 0.5 * x * (1 + t), t


@gelu.vjp
def _(g, out, t, x):
    slope = _GELU * (1 + 3 * 0.044715 * x * x)
    return (g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope),)


gelu.kernel("numba")(lambda x: with_slope(gelu_flat, x))
gelu.vjp_kernel("numba")(from_slope)


@gelu.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)) * 3)


@primitive(saves=True)
def silu(x):
    """x sigmoid(x). Source: arXiv 1702.03118."""
    s = 0.5 * (xp.tanh(0.5 * x) + 1)
    return x * s, s


@silu.vjp
def _(g, out, s, x):
    return (g * (s + out * (1 - s)),)


silu.kernel("numba")(lambda x: with_slope(silu_flat, x))
silu.vjp_kernel("numba")(from_slope)


@silu.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def absolute(x):
    """|x|; the derivative at 0 is 0."""
    return xp.abs(x)


@absolute.vjp
def _(g, out, x):
    return (g * xp.sign(x),)


@absolute.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)))


@primitive
def maximum(x, y):
    """The larger of x and y; where equal, each gets half of the gradient."""
    return xp.maximum(x, y)


@maximum.vjp
def _(g, out, x, y):
    half = 0.5 * g * (x == y)
    return lambda: g * (x > y) + half, lambda: g * (y > x) + half


@maximum.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(3,)))
    yield call(rng.normal(size=(2, 3)), 0.1)


@primitive
def minimum(x, y):
    """The smaller of x and y; where equal, each gets half of the gradient."""
    return xp.minimum(x, y)


@minimum.vjp
def _(g, out, x, y):
    half = 0.5 * g * (x == y)
    return lambda: g * (x < y) + half, lambda: g * (y < x) + half


@minimum.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), rng.normal(size=(3,)))


@primitive
def clip(x, low, high):
    """x held between the numbers `low` and `high`; no gradient where it is held."""
    return xp.clip(x, low, high)


@clip.vjp
def _(g, out, x, low, high):
    return g * ((x >= low) & (x <= high)), None, None


@clip.samples
def _(rng):
    yield call(rng.normal(size=(2, 3)), -0.5, 0.7)


@primitive
def where(condition, x, y):
    """x where `condition` (boolean) is True, else y."""
    return xp.where(condition, x, y)


@where.vjp
def _(g, out, condition, x, y):
    return None, lambda: xp.where(condition, g, 0), lambda: xp.where(condition, 0, g)


@where.samples
def _(rng):
    yield call(rng.random((2, 3)) < 0.5, rng.normal(size=(2, 3)), rng.normal(size=(3,)))
    yield call(np.array([True, False, True]), rng.normal(size=(2, 3)), 0.0)
