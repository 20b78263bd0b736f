"""Check of `matmul_backward`: both gradients of a @ b, also when b is shared by the batch."""

from ...exercise import Case, Exercise


def _both(grad, a, b):
    return grad @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ grad


def matmul_backward(grad, a, b):
    da, db = _both(grad, a, b)
    return da, db.sum(tuple(range(db.ndim - b.ndim)))


def _swapped(grad, a, b):
    return matmul_backward(grad, a, b)[::-1]


def _not_summed(grad, a, b):
    return _both(grad, a, b)


def _mean(grad, a, b):
    da, db = _both(grad, a, b)
    return da, db.mean(tuple(range(db.ndim - b.ndim))) if db.ndim > b.ndim else db


def _all_axes_reversed(grad, a, b):
    db = a.T @ grad
    return grad @ b.T, db.sum(tuple(range(db.ndim - b.ndim)))


def _no_transposes(grad, a, b):
    return grad @ b, a @ grad


def _transposed_results(grad, a, b):
    da, db = matmul_backward(grad, a, b)
    return da.swapaxes(-1, -2), db.swapaxes(-1, -2)


def _cases(rng):
    def draw(*shape):
        return rng.normal(size=shape)

    yield Case("two matrices", (draw(3, 7), draw(3, 5), draw(5, 7)))
    yield Case("two square matrices", (draw(5, 5), draw(5, 5), draw(5, 5)))
    yield Case("a batch of matrices", (draw(2, 3, 7), draw(2, 3, 5), draw(2, 5, 7)))
    yield Case("one b shared by the batch", (draw(2, 3, 7), draw(2, 3, 5), draw(5, 7)))
    yield Case("b shared by batch and heads", (draw(2, 3, 5, 11), draw(2, 3, 5, 7), draw(7, 11)))


EXERCISE = Exercise(
    reference=matmul_backward,
    title="Both gradients of a matrix product",
    position=3,
    points=8,
    difficulty=2,
    minutes=20,
    cases=_cases,
    outputs=("da", "db"),
    misconceptions={
        "results_swapped": (_swapped, "The two gradients are right but in the wrong order: return (da, db)."),
        "batch_not_summed": (
            _not_summed,
            "Where one b serves the whole batch, every batch element adds to its gradient: db has b's shape.",
        ),
        "batch_averaged": (_mean, "The gradient of a shared b is the sum over the batch, not the mean."),
        "all_axes_reversed": (
            _all_axes_reversed,
            ".T reverses all axes, the batch too. Swap the last two only: swapaxes(-1, -2).",
        ),
        "no_transposes": (
            _no_transposes,
            "Write down the shapes: (n, m) @ (m, k) needs b transposed to give (n, k).",
        ),
        "results_transposed": (
            _transposed_results,
            "A gradient has the shape of what it belongs to; yours are transposed.",
        ),
    },
    hints=(
        "A gradient has the shape of its array. With grad (n, m), a (n, k) and b (k, m) there is one "
        "product that fits.",
        "da = grad b^T, db = a^T grad, transposing the last two axes only; batch axes that b lacks are "
        "summed away.",
        "a = [[1, 2]], b = [[3], [4]], grad = [[1]]: da = [[3, 4]], db = [[1], [2]].",
    ),
)
