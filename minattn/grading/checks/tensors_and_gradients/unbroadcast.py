"""Check of `unbroadcast`: the gradient of an array that NumPy stretched."""

import numpy as np

from ...exercise import Case, Exercise


def unbroadcast(grad, shape):
    grad = grad.sum(tuple(range(grad.ndim - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return grad.sum(stretched, keepdims=True)


def _mean(grad, shape):
    return unbroadcast(grad, shape) * np.prod(shape) / grad.size


def _leading_only(grad, shape):
    return grad.sum(tuple(range(grad.ndim - len(shape))))


def _ones_dropped(grad, shape):
    return np.squeeze(unbroadcast(grad, shape), tuple(i for i, n in enumerate(shape) if n == 1))


def _first_copy(grad, shape):
    grad = grad[(0,) * (grad.ndim - len(shape))]
    return grad[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def _trailing_axes(grad, shape):
    grad = grad.sum(tuple(range(len(shape), grad.ndim)))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return grad.sum(stretched, keepdims=True)


def _cases(rng):
    def draw(*shape):
        return rng.normal(size=shape)

    yield Case("a bias: an axis was added in front", (draw(3, 5), (5,)))
    yield Case("a column: an axis of size 1 was stretched", (draw(3, 5), (3, 1)))
    yield Case("two axes added in front", (draw(2, 3, 5, 7), (5, 7)))
    yield Case("both at once", (draw(2, 3, 5, 7), (3, 1, 7)))
    yield Case("a single number", (draw(3, 5), ()))


EXERCISE = Exercise(
    reference=unbroadcast,
    title="Undo broadcasting in a gradient",
    position=4,
    points=8,
    difficulty=2,
    minutes=20,
    cases=_cases,
    misconceptions={
        "averaged": (
            _mean,
            "An array that was used n times gets n gradients: they add up, they are not averaged.",
        ),
        "size_one_axes_forgotten": (
            _leading_only,
            "Axes that were added in front are gone, but an axis of size 1 that was stretched must be "
            "summed too.",
        ),
        "size_one_axes_dropped": (
            _ones_dropped,
            "The stretched axes must stay, with size 1: sum(..., keepdims=True).",
        ),
        "only_the_first_copy": (
            _first_copy,
            "You keep the gradient of one copy. All copies are the same array: add them.",
        ),
        "axes_added_behind": (
            _trailing_axes,
            "Broadcasting lines shapes up from the right, so the new axes are in front: sum the first ones.",
        ),
    },
    hints=(
        "Broadcasting copies an array along some axes. What does the gradient do where one value was used "
        "many times?",
        "Sum over the grad.ndim - len(shape) axes in front; then sum, keepdims=True, over every axis where "
        "shape is 1.",
        "grad = [[1, 2], [3, 4]]: to shape (2,) it is [4, 6]; to shape (2, 1) it is [[3], [7]]; to shape () "
        "it is 10.",
    ),
)
