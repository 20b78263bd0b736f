"""The nearest of a few points on a sphere: a task that one head of full rank solves at any length."""

import numpy as np

from minattn.worlds import _check


def nearest(rng, batch, *, n_points=4, d=16):
    """Points and a query, all evenly distributed on the unit sphere; the answer is the point nearest to it.

        points  [[1 0] [0 1]]     query [.6 .8]     ->  target [0 1], attend 1

    n_points   how many points, the context's length
    d          numbers of a point
    Returns points (B, n_points, d), query and target (B, d), attend (B,), the place of the target.
    Source: arXiv 2407.16153, the target of section 2.
    """
    _check.generator("sphere.nearest", rng)
    for name, value in dict(batch=batch, n_points=n_points, d=d).items():
        _check.count("sphere.nearest", name, value)
    drawn = rng.normal(size=(batch, n_points + 1, d))
    drawn /= np.linalg.norm(drawn, axis=-1, keepdims=True)
    points, query = drawn[:, :-1], drawn[:, -1]
    attend = answer(points, query)
    return dict(points=points, query=query, target=points[np.arange(batch), attend], attend=attend)


def answer(points, query):
    """(B,) the place of the point with the largest dot product: on a sphere, the nearest."""
    return np.einsum("bnd,bd->bn", points, query).argmax(axis=1)
