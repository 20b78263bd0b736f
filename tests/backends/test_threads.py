"""One pool of threads: who owns the cores, who gets none, and that work is done all the same."""

import os
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from minattn import backends
from minattn.backends import jit, prange
from minattn.errors import ArgumentError

pool = sys.modules["minattn.backends.threads"]


@jit(parallel=True)
def square_rows(x, out):
    for i in prange(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j] * x[i, j]


def squares_are_right():
    x = np.arange(257 * 263, dtype=np.float32).reshape(257, 263) % 97
    out = np.empty_like(x)
    square_rows(x, out)
    return bool((out == x * x).all())


def blas():
    return {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}


@pytest.fixture
def two(monkeypatch):
    """Two threads during one test, on any machine."""
    monkeypatch.setattr(pool, "_wanted", 2)
    monkeypatch.setattr(pool, "_cores", lambda: 2)


def test_blas_has_one_thread_while_kernels_own_the_cores():
    with backends.using("numpy"), threadpool_limits(2, user_api="blas"):
        before = blas()
        with backends.using("numba"):
            assert blas() == {1}
            with backends.using("numpy"):
                assert blas() == before
            assert blas() == {1}
            with backends.blas_threads(2):
                assert blas() == {2}
            assert blas() == {1}
        assert blas() == before


def test_limit_goes_back_after_an_error():
    with backends.using("numpy"):
        before = blas()
        with pytest.raises(KeyError), backends.using("numba"):
            raise KeyError
        assert blas() == before


def test_number_is_asked_set_and_refused(monkeypatch):
    monkeypatch.setattr(pool, "_wanted", None)
    monkeypatch.setattr(pool, "_cores", lambda: 5)
    monkeypatch.delenv("MINATTN_THREADS", raising=False)
    assert backends.threads() == 5
    assert backends.threads(3) == 3 == backends.threads()
    assert backends.threads(7) == 5  # no more than cores
    assert backends.report()["threads"]["kernels"] == 5
    for wrong in (0, -1, 2.5, True, "two"):
        with pytest.raises(ArgumentError, match="1 or more"):
            backends.threads(wrong)
    assert backends.threads() == 5
    monkeypatch.setattr(pool, "_wanted", None)
    monkeypatch.setenv("MINATTN_THREADS", "2")
    assert backends.threads() == 2
    monkeypatch.setattr(pool, "_wanted", None)
    monkeypatch.setenv("MINATTN_THREADS", "many")
    with pytest.raises(ArgumentError, match="MINATTN_THREADS"):
        backends.threads()


def test_pool_serves_one_kernel_at_a_time(two):
    assert backends.threads() == 2
    assert pool.claim() == 2
    try:
        assert pool.claim() == 1  # somebody has it: the next kernel runs on its own thread
        assert squares_are_right()
    finally:
        pool.give_back()
    assert pool.claim() == 2
    pool.give_back()


def test_kernels_called_from_several_threads_are_right(two):
    right = []
    callers = [threading.Thread(target=lambda: right.append(squares_are_right())) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert right == [True] * 5


if hasattr(os, "fork"):

    def test_forked_child_computes_without_the_pool(two):
        assert squares_are_right()  # the pool of the parent has started
        child = os.fork()
        if child == 0:
            os._exit(0 if squares_are_right() and pool.claim() == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert squares_are_right()
