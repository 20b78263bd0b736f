"""Clipping through its kernels gives what NumPy gives, whatever the size and the number of threads."""

import sys

import numpy as np
import pytest

from minattn import backends
from minattn.backends import dispatch, without_compiler
from minattn.nn import Parameter, clip_kernel
from minattn.nn.optim import clip_grad_norm

pool = sys.modules["minattn.backends.threads"]


def clipped(backend, sizes, dtype, max_norm=1.0):
    rng = np.random.default_rng(0)
    parameters = [Parameter(np.zeros(size)) for size in sizes]
    for p in parameters:
        p.grad = rng.normal(size=p.shape).astype(dtype)
    with backends.using(backend):
        norm = clip_grad_norm(parameters, max_norm)
    return norm, [p.grad for p in parameters]


@pytest.mark.parametrize("dtype, most", [(np.float32, 1e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("sizes", [[(131_073,)], [(257, 563), (5,), (4096, 37)], [(131_071,)]])
def test_kernels_agree_with_numpy(sizes, dtype, most):
    norm, grads = clipped("numba", sizes, dtype)
    wanted, others = clipped("numpy", sizes, dtype)
    assert norm == pytest.approx(wanted, rel=most)
    for a, b in zip(grads, others):
        assert a.dtype == dtype and np.abs(a - b).max() <= most
    assert np.sqrt(sum((g.astype(float) ** 2).sum() for g in grads)) == pytest.approx(1.0, rel=1e-6)


def test_short_gradients_stay_and_threads_do_not_show(monkeypatch):
    _, (grad,) = clipped("numba", [(400, 401)], np.float32, max_norm=np.inf)
    assert (grad == np.random.default_rng(0).normal(size=(400, 401)).astype(np.float32)).all()
    found = []
    for count in (1, 2):
        monkeypatch.setattr(pool, "_wanted", count)
        found.append(clipped("numba", [(400, 401)], np.float32))
    assert found[0][0] == found[1][0] and (found[0][1][0] == found[1][1][0]).all()


def test_bodies_run_without_the_compiler_and_small_ones_decline():
    grad = np.arange(9000.0)
    sums, out = np.empty(3), np.empty(9000)
    with without_compiler():
        clip_kernel.squares(grad, sums)
        clip_kernel.times(grad, 0.5, out)
    assert sums.sum() == pytest.approx((grad**2).sum()) and (out == grad / 2).all()
    with backends.using("numba"):
        assert dispatch.run("scale", np.ones(5), 2.0).reason == "a small gradient"
        strided = np.ones((900, 900))[::2, ::2]
        assert isinstance(dispatch.run("sum of squares", strided), backends.Declined)
